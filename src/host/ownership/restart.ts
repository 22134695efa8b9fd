import { CONFIRM_MS, KILL_MS, LEND_MS, STOP_MS } from './bounds.ts';
import type { Draft } from './draft.ts';
import type { Restart } from './events.ts';
import type { FunctionState, VmState } from './owner.ts';
import { gone, seen } from './presence.ts';
import { vmEnded } from './returns.ts';

/** The world as the journal has it meets what can be seen. What was begun is begun anew by the entry actions of every state. */
export function restart(draft: Draft, event: Restart, nowMs: number): void {
  for (const { name } of draft.vms()) if (!event.liveVms.has(name)) vmEnded(draft, name);
  for (const { name, present } of [...draft.functions()]) {
    if (present && !event.sightings.has(name)) gone(draft, name, nowMs);
  }
  for (const sighting of event.sightings.values()) seen(draft, sighting);
  for (const vm of draft.vms()) {
    const renewed = renewedVm(vm, nowMs);
    if (renewed !== vm) draft.putVm(renewed);
  }
  for (const fn of [...draft.functions()]) {
    const renewed = renewedWait(fn, nowMs);
    if (renewed !== fn) draft.put(renewed);
  }
}

/** Bounds on what is told to a VM process anew begin anew; a guest's deadline does not. */
function renewedWait(fn: FunctionState, nowMs: number): FunctionState {
  const { owner } = fn;
  if (owner.kind === 'lending') return { ...fn, owner: { ...owner, untilMs: nowMs + LEND_MS } };
  if (owner.kind !== 'returning' || owner.phase !== 'revoking') return fn;
  return { ...fn, owner: { ...owner, untilMs: nowMs + CONFIRM_MS } };
}

function renewedVm(vm: VmState, nowMs: number): VmState {
  switch (vm.phase) {
    case 'starting':
      return { ...vm, phase: 'running', untilMs: undefined };
    case 'stopping':
      return { ...vm, untilMs: nowMs + STOP_MS };
    case 'killing':
      return { ...vm, untilMs: nowMs + KILL_MS };
    case 'running':
    case 'unkillable':
      return vm;
  }
}
