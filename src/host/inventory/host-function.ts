import type { FunctionIdentity } from '../../functions/index.ts';
import type { PciAddress } from '../../pci/index.ts';
import type { IommuGroup } from './iommu-groups.ts';
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
  /** 4096, 256, or 64 bytes (all that anyone but root may read); empty when unreadable. */
  readonly config: Uint8Array;
  /** Undefined when too little of the configuration space could be read. */
  readonly capabilities: CapabilityFacts | undefined;
  /** Names of VFIO's own node of the function, under /dev/vfio/devices; kernels from 6.6. */
  readonly vfioNode: string | undefined;
}

export interface SriovFacts {
  /** 0: not a physical function. */
  readonly totalVfs: number;
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
}

export interface HostInventory {
  /** By name, in ascending order of address. */
  readonly functions: ReadonlyMap<string, HostFunction>;
  readonly groups: ReadonlyMap<number, IommuGroup>;
  /** PCI drivers that the kernel has loaded. */
  readonly drivers: ReadonlySet<string>;
}

/** vfio-pci itself, or one of its vendor variants such as `mlx5_vfio_pci`. */
export function isVfioDriver(driver: string | undefined): boolean {
  return driver !== undefined && /^(?:.*[-_])?vfio[-_]pci$/.test(driver);
}

/** Host bridge, PCI bridge, ISA bridge …, or another part of the machine itself that no guest can drive. */
export function isMachinery(fn: HostFunction): boolean {
  return isMachineryClass(fn.identity.baseClass, fn.identity.subClass);
}

export function isMachineryClass(baseClass: number, subClass: number): boolean {
  // 0x06 bridges; 0x08 base system peripherals: interrupt controllers, timers, IOMMUs, event collectors. 0x0805 is a card reader.
  return baseClass === 0x06 || (baseClass === 0x08 && subClass !== 0x05);
}

/** `0000:01:00.0 (NVMe controller: Red Hat QEMU NVM Express Controller)` for sentences. */
export function describeFunction(fn: HostFunction): string {
  return `${fn.name} (${productName(fn)})`;
}

export function productName(fn: HostFunction): string {
  const ids = `${hex4(fn.identity.vendorId)}:${hex4(fn.identity.deviceId)}`;
  const product = [fn.vendorName, fn.deviceName ?? ids].filter((part) => part !== undefined).join(' ');
  return `${fn.className}: ${product}`;
}

function hex4(value: number): string {
  return value.toString(16).padStart(4, '0');
}
