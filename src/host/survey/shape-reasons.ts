import { isMachinery } from '../inventory/host-function.ts';
import type { HostFunction } from '../inventory/host-function.ts';
import { Weight } from './reason.ts';
import type { Reason } from './reason.ts';

/** What the hardware itself says for or against lending a function, whatever the host does with it. */
export function shapeReasons(fn: HostFunction): Reason[] {
  if (isMachinery(fn)) {
    return [
      {
        code: 'machinery',
        weight: Weight.blocks,
        sentence: `It is a part of the machine itself (${fn.className}), which no guest can drive.`,
        remedy: undefined,
      },
    ];
  }
  return [...resetReasons(fn), ...barReasons(fn), ...capabilityReasons(fn)];
}

function resetReasons(fn: HostFunction): Reason[] {
  if (fn.resetMethods === undefined) {
    return [
      {
        code: 'reset-unknown',
        weight: Weight.note,
        sentence: 'The kernel can reset it, but does not say how (it would from Linux 5.15 on).',
        remedy: undefined,
      },
    ];
  }
  if (fn.resetMethods.length > 0) return [];
  return [
    {
      code: 'no-reset',
      weight: Weight.risk,
      sentence:
        'The kernel knows no way to reset it, so it could not be handed back clean: what a guest left in it would stay until the host is restarted.',
      remedy:
        'Lend it only to guests that you trust as much as the host. A newer kernel or firmware may bring a reset for it.',
    },
  ];
}

function barReasons(fn: HostFunction): Reason[] {
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
  const reasons: Reason[] = [];
  const { expressPortType, msiVectors, msixVectors, interruptLine } = fn.capabilities;
  if (msiVectors + msixVectors === 0 && interruptLine) {
    reasons.push({
      code: 'no-message-interrupts',
      weight: Weight.blocks,
      sentence: "It has a line interrupt only; Hyper-V's virtual PCI bus carries message interrupts (MSI, MSI-X).",
      remedy: undefined,
    });
  }
  if (expressPortType === undefined && fn.sriov.physicalFunction === undefined) {
    reasons.push({
      code: 'conventional-pci',
      weight: Weight.risk,
      sentence:
        'It is a conventional PCI function, without a PCI Express capability: behind a bridge, the IOMMU may not tell its DMA from that of others.',
      remedy: 'Look at the other members of its IOMMU group before you lend it.',
    });
  }
  return reasons;
}
