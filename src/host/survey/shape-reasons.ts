import { ExpressPortType } from '../../pci/index.ts';
import { isSilent } from '../inventory/host-function.ts';
import type { CapabilityFacts, HostFunction } from '../inventory/host-function.ts';
import { Weight } from './reason.ts';
import type { Reason } from './reason.ts';

export function machineryReason(fn: HostFunction): Reason {
  return {
    code: 'machinery',
    weight: Weight.blocks,
    sentence: `It is a part of the machine itself (${fn.className}), which no guest can drive.`,
    remedy: undefined,
  };
}

/** What the hardware itself says for or against lending a function, whatever the host does with it. */
export function shapeReasons(fn: HostFunction): Reason[] {
  return [...barReasons(fn), ...capabilityReasons(fn)];
}

function barReasons(fn: HostFunction): Reason[] {
  const homeless = fn.bars.filter((bar) => bar.hostAddress === undefined);
  if (homeless.length > 0) {
    return [
      {
        code: 'bar-not-placed',
        weight: Weight.blocks,
        sentence: `The host found no addresses for its BAR ${homeless.map((bar) => bar.index).join(', ')}, so nobody can turn it on.`,
        remedy:
          'Turn on "Above 4G decoding" in the firmware, or start the kernel with pci=realloc; dmesg says what did not fit.',
      },
    ];
  }
  const ioBars = fn.bars.filter((bar) => bar.kind === 'io');
  if (ioBars.length === 0) return [];
  const list = ioBars.map((bar) => bar.index).join(', ');
  if (ioBars.length === fn.bars.length) {
    return [
      {
        code: 'io-ports-only',
        weight: Weight.blocks,
        sentence: `It is driven by I/O ports only (BAR ${list}), and Hyper-V's virtual PCI bus has none.`,
        remedy: undefined,
      },
    ];
  }
  return [
    {
      code: 'io-ports-hidden',
      weight: Weight.note,
      sentence: `Its I/O ports (BAR ${list}) are not shown to a guest; drivers of current devices do without.`,
      remedy: undefined,
    },
  ];
}

function capabilityReasons(fn: HostFunction): Reason[] {
  // What is asleep or silent says so itself.
  if (fn.powerState === 'D3cold' || isSilent(fn)) return [];
  if (fn.capabilities === undefined) {
    return [
      {
        code: 'capabilities-unread',
        weight: Weight.note,
        sentence: `Only ${fn.config.length} bytes of its configuration space could be read, so its interrupts and its kind were not checked.`,
        remedy: 'Run the survey as root.',
      },
    ];
  }
  return [...interruptReasons(fn.capabilities), ...kindReasons(fn, fn.capabilities)];
}

function interruptReasons({ msiVectors, msixVectors, interruptLine }: CapabilityFacts): Reason[] {
  if (msiVectors + msixVectors > 0) return [];
  if (!interruptLine) {
    return [
      {
        code: 'no-interrupts',
        weight: Weight.note,
        sentence: 'It raises no interrupts at all, which is fine.',
        remedy: undefined,
      },
    ];
  }
  return [
    {
      code: 'no-message-interrupts',
      weight: Weight.blocks,
      sentence: "It has a line interrupt only; Hyper-V's virtual PCI bus carries message interrupts (MSI, MSI-X).",
      remedy: undefined,
    },
  ];
}

function kindReasons(fn: HostFunction, { expressPortType }: CapabilityFacts): Reason[] {
  if (expressPortType === ExpressPortType.legacyEndpoint) {
    return [
      {
        code: 'legacy-endpoint',
        weight: Weight.note,
        sentence: 'It is a legacy endpoint: its drivers may count on I/O ports or locked transactions; most do not.',
        remedy: undefined,
      },
    ];
  }
  if (expressPortType === ExpressPortType.rootComplexEndpoint) {
    return [
      {
        code: 'root-complex-endpoint',
        weight: Weight.note,
        sentence: 'It is built into the root complex: no port stands above it, so only its IOMMU group keeps it apart.',
        remedy: undefined,
      },
    ];
  }
  if (expressPortType !== undefined || fn.sriov.physicalFunction !== undefined) return [];
  if (fn.bridges.length === 0) {
    return [
      {
        code: 'conventional-on-root-bus',
        weight: Weight.note,
        sentence:
          'It is a conventional PCI function, without a PCI Express capability; on the root bus the IOMMU tells its DMA apart all the same.',
        remedy: undefined,
      },
    ];
  }
  return [
    {
      code: 'conventional-pci',
      weight: Weight.risk,
      sentence:
        'It is a conventional PCI function, without a PCI Express capability: behind a bridge, the IOMMU may not tell its DMA from that of others.',
      remedy: 'Look at the other members of its IOMMU group before you lend it.',
    },
  ];
}
