/** What the host does with a function right now. */
export const UseKind = {
  mountedFileSystem: 'mounted-file-system',
  swap: 'swap',
  /** A device-mapper, LVM, RAID or other block device is built on it. */
  volume: 'volume',
  defaultRoute: 'default-route',
  /** The interface belongs to a bridge, bond or other interface. */
  interfaceMember: 'interface-member',
  interfaceUp: 'interface-up',
  bootDisplay: 'boot-display',
  /** A screen is on at one of its sockets. */
  screen: 'screen',
  /** The kernel prints to a terminal on it. */
  console: 'console',
  /** A process has one of the function's device nodes open. */
  openNode: 'open-node',
} as const;
export type UseKind = (typeof UseKind)[keyof typeof UseKind];

export interface HostUse {
  readonly kind: UseKind;
  /** A whole sentence: `/dev/nvme0n1p1 is mounted at / (ext4).` */
  readonly sentence: string;
  /** What taking the function away would do: a whole sentence. */
  readonly breaks: string;
  /** What ends this use: a whole sentence. */
  readonly remedy: string;
  /** Whether a dismount is refused for it unless forced. */
  readonly needed: boolean;
}

/** A process that has a node open. */
export interface NodeHolder {
  readonly processId: number;
  readonly processName: string;
  /** `/dev/vfio/12` */
  readonly node: string;
}

export interface FunctionUsage {
  readonly uses: readonly HostUse[];
  /** Processes that hold the function, or its group, through VFIO. */
  readonly vfioHolders: readonly NodeHolder[];
  /** Block devices that are there because of this function: `nvme0n1`, `nvme0n1p1`. */
  readonly blockDevices: readonly string[];
  readonly interfaces: readonly string[];
}

export interface HostUsage {
  /** By function name; a function that nothing was found about has no entry. */
  readonly functions: ReadonlyMap<string, FunctionUsage>;
  /** Processes whose descriptors could not be looked at: 0 for root. */
  readonly hiddenProcesses: number;
}

export const noUsage: FunctionUsage = { uses: [], vfioHolders: [], blockDevices: [], interfaces: [] };

export function usageOf(usage: HostUsage, name: string): FunctionUsage {
  return usage.functions.get(name) ?? noUsage;
}
