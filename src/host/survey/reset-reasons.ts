import type { HostFunction } from '../inventory/host-function.ts';
import { Weight } from './reason.ts';
import type { Reason } from './reason.ts';

/** Whether it could be handed back clean after a guest had it. */
export function resetReasons(fn: HostFunction): Reason[] {
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
  if (fn.resetMethods.length === 0) {
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
  if (fn.resetMethods.some((method) => method !== 'pm')) return [];
  return [
    {
      code: 'power-reset-only',
      weight: Weight.note,
      sentence:
        'The only way to reset it is to change its power state (D3 and back). It promises to lose its state then; not every device keeps the promise.',
      remedy: 'Try it once with a guest that you trust. In a slot of its own, a bus reset may be there too.',
    },
  ];
}
