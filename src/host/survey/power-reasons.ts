import { isSilent, isVfioDriver } from '../inventory/host-function.ts';
import type { HostFunction } from '../inventory/host-function.ts';
import { Weight } from './reason.ts';
import type { Reason } from './reason.ts';

/** Whether the function is there at all, and turned on. */
export function powerReasons(fn: HostFunction): Reason[] {
  if (isSilent(fn)) {
    return [
      {
        code: 'not-answering',
        weight: Weight.blocks,
        sentence: 'It does not answer: its configuration space reads all ones, as if it were not plugged in.',
        remedy: `Look for it anew: echo 1 > /sys/bus/pci/devices/${fn.name}/remove; echo 1 > /sys/bus/pci/rescan. If that does not help, turn the machine off and on.`,
      },
    ];
  }
  if (fn.powerState === 'D3cold') {
    return [
      {
        code: 'asleep',
        weight: Weight.note,
        sentence:
          'It is powered off to save power (D3cold). Looking into its configuration space would wake it, so its kind and interrupts were not checked.',
        remedy: `Keep it awake and survey again: echo on > /sys/bus/pci/devices/${fn.name}/power/control`,
      },
    ];
  }
  if (fn.enabled !== false || fn.driver === undefined || isVfioDriver(fn.driver)) return [];
  return [
    {
      code: 'disabled',
      weight: Weight.note,
      sentence: `Its driver ${fn.driver} has turned it off.`,
      remedy: undefined,
    },
  ];
}
