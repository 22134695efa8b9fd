import type { Draft } from './draft.ts';
import type { Timeout } from './events.ts';
import { QuarantineReason } from './owner.ts';
import { beginReturn, isBorrowed, killVm } from './returns.ts';

/** When the wait of a function or of a VM process ends; undefined: it waits for nothing that has an end by itself. */
export function timeout(draft: Draft, event: Timeout, nowMs: number): void {
  if (event.kind === 'vm-due') return vmDue(draft, event.vm, nowMs);
  const fn = draft.fn(event.function);
  if (fn === undefined || !isBorrowed(fn.owner) || fn.owner.kind === 'lent') return;
  const { owner } = fn;
  if (owner.untilMs === undefined || nowMs < owner.untilMs) return;
  const killsNow = owner.kind === 'returning' && (owner.phase === 'revoking' || !owner.heard);
  if (killsNow) killVm(draft, owner.vm, nowMs);
  else beginReturn(draft, owner.vm, fn.group, { nowMs, deadlineMs: 0, to: undefined });
}

function vmDue(draft: Draft, name: string, nowMs: number): void {
  const vm = draft.vm(name);
  if (vm?.untilMs === undefined || nowMs < vm.untilMs) return;
  if (vm.phase !== 'killing') return killVm(draft, name, nowMs);
  draft.putVm({ name, phase: 'unkillable', untilMs: undefined });
  for (const fn of draft.functionsOf(name)) {
    const { owner } = fn;
    if (!isBorrowed(owner)) continue;
    draft.own(fn, { kind: 'quarantine', pool: owner.pool, reason: QuarantineReason.held, vm: name });
  }
}
