import { baseName, parseNumber } from '../tree/host-tree.ts';
import type { HostTree } from '../tree/host-tree.ts';

/** What the machine as a whole, its firmware and its kernel settings mean for lending. */
export interface PlatformFacts {
  /** `6.1.0-43-amd64`; undefined: not known. */
  readonly kernelRelease: string | undefined;
  /** Parameters of the kernel command line that change what the survey says, as they stand there. */
  readonly parameters: readonly string[];
  readonly interruptRemapping: InterruptRemapping;
  /** The module parameter by which VFIO works without interrupt remapping. */
  readonly unsafeInterruptsAllowed: boolean;
  /** Whether the kernel has vfio-pci loaded, could load it, or has it not at all; undefined: not known. */
  readonly vfioModule: 'loaded' | 'loadable' | 'absent' | undefined;
  /**
   * The services (error reporting, hot-plug, power events) that the kernel itself runs on each PCI Express port, by the port's
   * address; undefined: this kernel has no drivers for ports.
   */
  readonly portServices: ReadonlyMap<string, ReadonlySet<PortService>> | undefined;
  /** Domains (`0000`) with a port that has any of them. */
  readonly servedDomains: ReadonlySet<string>;
}

/** `absent`: the IOMMU can't. `off`: it is turned off on the kernel command line. `unknown`: nothing says so. */
export type InterruptRemapping = 'supported' | 'absent' | 'off' | 'unknown';

/** Source: Linux drivers/pci/pcie/portdrv.h; a service's device is named `PORT:pcieTSS`, SS being one of these in hexadecimal. */
export const PortService = { powerEvents: 0x01, errorReporting: 0x02, hotPlug: 0x04, containment: 0x10 } as const;
export type PortService = (typeof PortService)[keyof typeof PortService];

const portServicesPath = '/sys/bus/pci_express/devices';
const iommuPath = '/sys/class/iommu';

/** Those that the survey looks at; the rest of the command line is nobody's business. */
const parameterNames =
  /^(?:pcie_acs_override|pcie_ports|intremap|nointremap|intel_iommu|amd_iommu|iommu|pci|vfio_iommu_type1\.allow_unsafe_interrupts)(?:=|$)/;

/** Bit 3 of an Intel IOMMU's extended capabilities. Source: Intel VT-d specification, "Extended Capability Register". */
const interruptRemappingBit = 0x8n;

export function readPlatform(tree: HostTree): PlatformFacts {
  const kernelRelease = tree.text('/proc/sys/kernel/osrelease');
  const parameters = surveyParameters(tree.text('/proc/cmdline') ?? '');
  const portServices = readPortServices(tree);
  return {
    kernelRelease,
    parameters,
    interruptRemapping: readInterruptRemapping(tree, parameters),
    unsafeInterruptsAllowed: tree.text('/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts') === 'Y',
    vfioModule: readVfioModule(tree, kernelRelease),
    portServices,
    servedDomains: new Set([...(portServices?.keys() ?? [])].map((port) => port.split(':')[0] ?? '')),
  };
}

export function surveyParameters(commandLine: string): string[] {
  return commandLine.split(/\s+/).filter((word) => parameterNames.test(word));
}

function readInterruptRemapping(tree: HostTree, parameters: readonly string[]): InterruptRemapping {
  if (parameters.some((word) => word === 'nointremap' || /^intremap=(?:.*,)?off(?:,|$)/.test(word))) return 'off';
  const units = tree.list(iommuPath).flatMap((unit) => {
    const text = tree.text(`${iommuPath}/${unit}/intel-iommu/ecap`);
    return text !== undefined && /^[0-9a-f]{1,16}$/i.test(text) ? [BigInt(`0x${text}`)] : [];
  });
  if (units.length === 0) return 'unknown';
  return units.every((bits) => (bits & interruptRemappingBit) !== 0n) ? 'supported' : 'absent';
}

function readVfioModule(tree: HostTree, kernelRelease: string | undefined): PlatformFacts['vfioModule'] {
  if (tree.exists('/sys/bus/pci/drivers/vfio-pci')) return 'loaded';
  const modules = kernelRelease === undefined ? undefined : `/lib/modules/${baseName(kernelRelease)}`;
  if (modules === undefined || !tree.exists(modules)) return undefined;
  const files = tree.list(`${modules}/kernel/drivers/vfio/pci`);
  return files.some((name) => /^vfio-pci\.ko(?:\.xz|\.zst|\.gz)?$/.test(name)) ? 'loadable' : 'absent';
}

function readPortServices(tree: HostTree): PlatformFacts['portServices'] {
  if (!tree.exists(portServicesPath)) return undefined;
  const services = new Map<string, Set<PortService>>();
  for (const name of tree.list(portServicesPath)) {
    const [, port = '', code] = /^(.+):pcie[0-9a-f]([0-9a-f]{2})$/i.exec(name) ?? [];
    const service = Object.values(PortService).find((known) => known === parseNumber(`0x${code}`));
    if (service === undefined) continue;
    const known = services.get(port);
    if (known === undefined) services.set(port, new Set([service]));
    else known.add(service);
  }
  return services;
}
