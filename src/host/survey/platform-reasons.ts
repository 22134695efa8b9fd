import type { HostFunction, HostInventory } from '../inventory/host-function.ts';
import { PortService } from '../inventory/platform.ts';
import { Weight } from './reason.ts';
import type { Reason } from './reason.ts';

/** What the machine's firmware and kernel settings mean for the function. */
export function platformReasons(inventory: HostInventory, fn: HostFunction): Reason[] {
  if (fn.iommuGroup === undefined) return [];
  return [...vfioReasons(inventory), ...interruptReasons(inventory), ...firmwareReasons(inventory, fn)];
}

function vfioReasons({ platform }: HostInventory): Reason[] {
  if (platform.vfioModule !== 'absent') return [];
  return [
    {
      code: 'no-vfio',
      weight: Weight.blocks,
      sentence: `Linux ${platform.kernelRelease ?? ''} has no vfio-pci, through which functions are lent.`,
      remedy: "Use a kernel with VFIO; Debian's ordinary ones have it, its cloud kernels don't.",
    },
  ];
}

function interruptReasons({ platform }: HostInventory): Reason[] {
  const { interruptRemapping, unsafeInterruptsAllowed } = platform;
  if (interruptRemapping !== 'absent' && interruptRemapping !== 'off') return [];
  const why =
    interruptRemapping === 'off'
      ? 'Interrupt remapping is turned off on the kernel command line'
      : 'The IOMMU can not remap interrupts';
  if (unsafeInterruptsAllowed) {
    return [
      {
        code: 'unsafe-interrupts',
        weight: Weight.risk,
        sentence: `${why}, and allow_unsafe_interrupts is set: a guest can raise any interrupt of the host through it.`,
        remedy: 'Turn interrupt remapping (x2APIC) on in the firmware, and allow_unsafe_interrupts off.',
      },
    ];
  }
  return [
    {
      code: 'no-interrupt-remapping',
      weight: Weight.blocks,
      sentence: `${why}, and VFIO lends nothing whose interrupts nobody checks.`,
      remedy:
        interruptRemapping === 'off'
          ? 'Start the kernel without intremap=off.'
          : 'Turn interrupt remapping (x2APIC) on in the firmware, if it has such a setting.',
    },
  ];
}

/**
 * ACPI lets firmware keep error reporting, hot-plug and power events to itself (_OSC). The kernel then runs no service of that
 * kind on its ports, though every root port offers power events.
 */
function firmwareReasons({ functions, platform }: HostInventory, fn: HostFunction): Reason[] {
  const root = fn.bridges[0];
  const port = root === undefined ? undefined : functions.get(root);
  if (root === undefined || port?.driver !== 'pcieport' || platform.portServices === undefined) return [];
  const services = platform.portServices.get(root);
  if (services === undefined) {
    // Ports without an interrupt have no services either; only where none has any was control kept.
    if (platform.servedDomains.has(fn.name.slice(0, fn.name.indexOf(':')))) return [];
    return [
      {
        code: 'firmware-control',
        weight: Weight.risk,
        sentence: `Firmware kept control of the PCI Express features of ${root}: an error that a guest provokes goes to the firmware, which may stop the whole machine, and the kernel does not see the device come or go.`,
        remedy: platform.parameters.some((word) => word === 'pcie_ports=compat')
          ? 'Start the kernel without pcie_ports=compat.'
          : 'Look for a firmware setting such as "PCIe native control" or "OS-native AER"; dmesg | grep _OSC says what was asked and refused.',
      },
    ];
  }
  if (services.has(PortService.errorReporting) || port.capabilities?.errorReporting !== true) return [];
  return [
    {
      code: 'firmware-errors',
      weight: Weight.note,
      sentence: `Firmware, not the kernel, handles PCI Express errors of ${root}: it may stop the machine for one that a guest provokes.`,
      remedy: 'Look for a firmware setting such as "firmware first" or "OS-native AER".',
    },
  ];
}
