import type { NvmeDescription } from './fake-nvme.ts';

/** A host in few words; everything left out is as on a plain machine. */
export interface HostDescription {
  readonly functions: readonly FunctionDescription[];
  /** Loaded PCI drivers beyond those that functions name. */
  readonly drivers?: readonly string[];
  /** `source` as in the mount table: `/dev/nvme0n1p1`. */
  readonly mounts?: readonly {
    readonly source: string;
    readonly at: string;
    readonly type?: string;
    readonly number?: string;
  }[];
  readonly swaps?: readonly string[];
  /** Interfaces with the default route. */
  readonly defaultRoutes?: readonly string[];
  /** Device-mapper, RAID: a device built on others. */
  readonly volumes?: readonly {
    readonly name: string;
    readonly on: readonly string[];
    readonly mapper?: string;
    readonly uuid?: string;
  }[];
  /** Bridges and bonds. */
  readonly upperInterfaces?: readonly { readonly name: string; readonly on: readonly string[] }[];
  readonly processes?: readonly ProcessDescription[];
  readonly reservedRegions?: Readonly<Record<number, string>>;
  /** Groups made without an IOMMU. */
  readonly noIommuGroups?: readonly number[];
}

export interface ProcessDescription {
  readonly id: number;
  readonly name: string;
  /** What its descriptors lead to; undefined: they may not be looked at. */
  readonly open: readonly string[] | undefined;
}

export interface FunctionDescription {
  readonly address: string;
  /** Bridges from the root port down; the last one is right above the function. */
  readonly below?: readonly string[];
  readonly root?: string;
  /** Vendor and device: `1b36:0010`. */
  readonly ids?: string;
  /** Six hexadecimal digits: `010802`. */
  readonly class?: string;
  readonly driver?: string;
  readonly override?: string;
  readonly group?: number;
  readonly numaNode?: number;
  /** Undefined: it can be reset by FLR; `absent`: no reset at all; `unsaid`: an old kernel that names no method. */
  readonly reset?: string;
  /** `memory64 prefetchable 16384` by BAR index. */
  readonly bars?: Readonly<Record<number, string>>;
  readonly msi?: number;
  readonly msix?: number;
  readonly interruptPin?: number;
  readonly conventional?: boolean;
  /** How much of its configuration space may be read; undefined: all. */
  readonly readableConfigBytes?: number;
  readonly bootVga?: boolean;
  readonly totalVfs?: number;
  readonly virtualFunctions?: readonly string[];
  readonly physicalFunction?: string;
  /** Those that appear when the kernel is asked for them, in their order; `driver` is what an ordinary match finds. */
  readonly potentialVirtualFunctions?: readonly FunctionDescription[];
  /** An NVMe controller with virtualization management: `nvme0`. */
  readonly controller?: NvmeDescription & { readonly name: string };
  /** There while the host driver has the function: `nvme0n1` with its partitions. */
  readonly disks?: readonly {
    readonly name: string;
    readonly partitions?: readonly string[];
    readonly multipath?: string;
  }[];
  readonly interfaces?: readonly { readonly name: string; readonly up?: boolean; readonly interfaceIndex?: number }[];
}
