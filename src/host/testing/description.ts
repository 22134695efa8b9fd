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
  /** Services that the kernel runs on ports, by address; each `pme`, `aer`, `hotplug`. Undefined: it has no drivers for ports. */
  readonly portServices?: Readonly<Record<string, readonly PortServiceName[]>>;
  readonly commandLine?: string;
  /** Extended capabilities of the Intel IOMMU, in hexadecimal. */
  readonly iommuCapabilities?: string;
  readonly unsafeInterrupts?: boolean;
  /** Files in the directory of VFIO's modules. */
  readonly vfioModules?: readonly string[];
  /** Terminals that are the kernel's console, by name, and the function they hang on. */
  readonly consoles?: Readonly<Record<string, string | undefined>>;
}

export type PortServiceName = 'pme' | 'aer' | 'hotplug';

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
  /** `memory64 prefetchable 16384` by BAR index; `memory64 unplaced 16384`: the host found no addresses. */
  readonly bars?: Readonly<Record<number, string>>;
  readonly msi?: number;
  readonly msix?: number;
  readonly interruptPin?: number;
  readonly conventional?: boolean;
  /** Undefined: a bridge is a root port, everything else an endpoint. */
  readonly kind?: ExpressKind;
  /** Access Control Services, turned on or off; undefined: it has none. */
  readonly acs?: 'on' | 'off';
  /** Whether it has Advanced Error Reporting. */
  readonly aer?: boolean;
  readonly powerState?: string;
  readonly enabled?: boolean;
  /** Its configuration space reads all ones. */
  readonly gone?: boolean;
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
  /** Connectors of its graphics card with a screen that is on: `card1-eDP-1`. */
  readonly screens?: readonly string[];
}

export type ExpressKind =
  | 'endpoint'
  | 'legacyEndpoint'
  | 'rootComplexEndpoint'
  | 'rootPort'
  | 'upstreamSwitchPort'
  | 'downstreamSwitchPort'
  | 'pcieToPciBridge';
