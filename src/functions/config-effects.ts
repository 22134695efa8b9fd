import { isDeepStrictEqual } from 'node:util';
import type { ConfigState, MsixControl } from './config-state.ts';
import type { MsiState } from './msi.ts';

/** What a write to configuration space asks for. Effects are to be carried out in the order given. */
export type ConfigEffect =
  | { readonly kind: 'bar-moved'; readonly barIndex: number; readonly gpa: number | undefined }
  | { readonly kind: 'bus-master'; readonly enabled: boolean }
  | { readonly kind: 'power-state'; readonly state: 0 | 3 }
  | { readonly kind: 'interrupts'; readonly msi: MsiState; readonly msix: MsixControl }
  /** `bits`: the bits of Device Control that are passed on, as they shall be. */
  | { readonly kind: 'device-control'; readonly bits: number }
  /** The view is as after attach already; the function is still to be reset. */
  | { readonly kind: 'function-level-reset' };

/**
 * What leads from one state to the other. What takes something away from the guest comes first, so that nothing is
 * reached half-way; a function is awake while its other registers are written.
 */
export function effectsBetween(before: ConfigState, after: ConfigState): ConfigEffect[] {
  const effects: ConfigEffect[] = [];
  const moved = [...after.barGpas].filter(([barIndex, gpa]) => before.barGpas.get(barIndex) !== gpa);
  for (const [barIndex, gpa] of moved) {
    if (gpa === undefined) effects.push({ kind: 'bar-moved', barIndex, gpa });
  }
  if (after.powerState === 0 && before.powerState !== 0) effects.push({ kind: 'power-state', state: 0 });
  if (after.busMaster !== before.busMaster) effects.push({ kind: 'bus-master', enabled: after.busMaster });
  if (after.deviceControl !== before.deviceControl) effects.push({ kind: 'device-control', bits: after.deviceControl });
  if (!isDeepStrictEqual(after.msi, before.msi) || !isDeepStrictEqual(after.msix, before.msix)) {
    effects.push({ kind: 'interrupts', msi: after.msi, msix: after.msix });
  }
  if (after.powerState === 3 && before.powerState !== 3) effects.push({ kind: 'power-state', state: 3 });
  for (const [barIndex, gpa] of moved) {
    if (gpa !== undefined) effects.push({ kind: 'bar-moved', barIndex, gpa });
  }
  return effects;
}
