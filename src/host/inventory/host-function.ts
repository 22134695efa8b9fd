import type { FunctionIdentity } from '../../functions/index.ts';
import type { AcsCapability, PciAddress } from '../../pci/index.ts';
import type { IommuGroup } from './iommu-groups.ts';
import type { PlatformFacts } from './platform.ts';
import type { HostBar } from './resource-table.ts';

/** One PCI function as the host's kernel shows it. */
export interface HostFunction {
  /** `0000:01:00.0`: its key everywhere. */
  readonly name: string;
  readonly address: PciAddress;
  readonly identity: FunctionIdentity;
  /** From the distribution's pci.ids; undefined for ids it doesn't know. */
  readonly vendorName: string | undefined;
  readonly deviceName: string | undefined;
  readonly className: string;
  readonly modalias: string | undefined;
  /** The driver that has it now. */
  readonly driver: string | undefined;
  readonly iommuGroup: number | undefined;
  readonly numaNode: number | undefined;
  readonly bars: readonly HostBar[];
  /** As Windows writes it: `PCIROOT(0)#PCI(0100)#PCI(0000)`. */
  readonly locationPath: string;
  /** The bridges above it, root port first. */
  readonly bridges: readonly string[];
  readonly sriov: SriovFacts;
  /** In the kernel's order of preference; empty: none works; undefined: this kernel doesn't say which (before 5.15). */
  readonly resetMethods: readonly string[] | undefined;
  readonly bootDisplay: boolean;
  /** `D0` to `D3cold`, `unknown` or `error`; undefined: this kernel doesn't say (before 5.11). */
  readonly powerState: string | undefined;
  /** Whether a driver has turned it on; undefined: the kernel doesn't say. */
  readonly enabled: boolean | undefined;
  /** 4096, 256, or 64 bytes (all that anyone but root may read); empty when unreadable, or not read so as not to wake it. */
  readonly config: Uint8Array;
  /** Undefined when too little of the configuration space could be read. */
  readonly capabilities: CapabilityFacts | undefined;
  /** Names of VFIO's own node of the function, under /dev/vfio/devices; kernels from 6.6. */
  readonly vfioNode: string | undefined;
}

/** What it takes to give a function back to its driver; names that only tell people what it is may be missing. */
export type PlacedFunction = Pick<
  HostFunction,
  'name' | 'identity' | 'vendorName' | 'deviceName' | 'className' | 'modalias' | 'driver' | 'iommuGroup'
>;

export interface SriovFacts {
  /** 0: not a physical function. */
  readonly totalVfs: number;
  /** Those that are turned on. */
  readonly virtualFunctions: readonly string[];
  /** Set for a virtual function. */
  readonly physicalFunction: string | undefined;
}

export interface CapabilityFacts {
  /** One of `ExpressPortType`; undefined: conventional PCI. */
  readonly expressPortType: number | undefined;
  readonly functionLevelReset: boolean;
  readonly msiVectors: number;
  readonly msixVectors: number;
  readonly interruptLine: boolean;
  /** Undefined: it has none. `unread`: the area where it would be was not read. */
  readonly acs: AcsCapability | 'unread' | undefined;
  readonly errorReporting: boolean;
}

export interface HostInventory {
  /** By name, in ascending order of address. */
  readonly functions: ReadonlyMap<string, HostFunction>;
  readonly groups: ReadonlyMap<number, IommuGroup>;
  /** PCI drivers that the kernel has loaded. */
  readonly drivers: ReadonlySet<string>;
  readonly platform: PlatformFacts;
}

/** vfio-pci itself, or one of its vendor variants such as `mlx5_vfio_pci`. */
export function isVfioDriver(driver: string | undefined): boolean {
  return driver !== undefined && /^(?:.*[-_])?vfio[-_]pci$/.test(driver);
}

/** Host bridge, PCI bridge, ISA bridge …, or another part of the machine itself that no guest can drive. */
export function isMachinery(fn: Pick<HostFunction, 'identity'>): boolean {
  return isMachineryClass(fn.identity.baseClass, fn.identity.subClass);
}

export function isMachineryClass(baseClass: number, subClass: number): boolean {
  // 0x06 bridges; 0x08 base system peripherals: interrupt controllers, timers, IOMMUs, event collectors. 0x0805 is a card reader.
  return baseClass === 0x06 || (baseClass === 0x08 && subClass !== 0x05);
}

/** It is listed, but nothing answers at its address: fallen off the bus, or without power behind the kernel's back. */
export function isSilent(fn: HostFunction): boolean {
  const header = fn.config.subarray(0, 64);
  return fn.powerState === 'error' || (header.length === 64 && header.every((byte) => byte === 0xff));
}

/** `0000:01:00.0 (NVMe controller: Red Hat QEMU NVM Express Controller)` for sentences. */
export function describeFunction(fn: PlacedFunction): string {
  return `${fn.name} (${productName(fn)})`;
}

export function productName(fn: Omit<PlacedFunction, 'name'>): string {
  const ids = `${hex4(fn.identity.vendorId)}:${hex4(fn.identity.deviceId)}`;
  const product = [fn.vendorName, fn.deviceName ?? ids].filter((part) => part !== undefined).join(' ');
  return `${fn.className}: ${product}`;
}

function hex4(value: number): string {
  return value.toString(16).padStart(4, '0');
}
