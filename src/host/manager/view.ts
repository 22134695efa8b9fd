import type { FunctionState, VmState } from '../ownership/owner.ts';
import type { OwnershipTable } from '../ownership/world.ts';
import { vmOf } from '../ownership/world.ts';
import type { ManagedFunction, ManagedVm } from './manager.ts';
import type { Notes } from './notes.ts';
import type { VmRegistry } from './vm-registry.ts';

export function managedFunction(fn: FunctionState, notes: Notes): ManagedFunction {
  const untilMs = 'untilMs' in fn.owner ? fn.owner.untilMs : undefined;
  return { ...fn, vm: vmOf(fn.owner), untilMs, problem: notes.reportOf(fn.name) };
}

/** Undefined: nothing is known of it any more. */
export function managedVm({ name, phase }: VmState, table: OwnershipTable, vms: VmRegistry): ManagedVm | undefined {
  const record = vms.get(name);
  if (record === undefined) return undefined;
  const { spec, process, createdAt, guestOs, crash } = record;
  const functions = table
    .functionsOf(name)
    .map((fn) => fn.name)
    .toSorted();
  return { name, phase, spec, processId: process?.processId, functions, createdAt, guestOs, crash };
}
