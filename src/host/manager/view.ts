import type { FunctionState, VmState } from '../ownership/owner.ts';
import type { OwnershipTable } from '../ownership/world.ts';
import { vmOf } from '../ownership/world.ts';
import type { ManagedFunction, ManagedVm } from './manager.ts';
import type { Notes } from './notes.ts';
import { quarantineText } from './refusal-text.ts';
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

/** As it continues "0000:01:00.0 is …". */
export function whereaboutsOf(fn: FunctionState | undefined): string {
  const owner = fn?.owner;
  if (owner === undefined) return 'not in the host any more';
  switch (owner.kind) {
    case 'host':
      return 'at the host';
    case 'pool':
      return `in the pool ${owner.pool}`;
    case 'lent':
      return `with the VM ${owner.vm}`;
    case 'quarantine':
      return `in quarantine: ${quarantineText(owner)}`;
    case 'dismounting':
    case 'mounting':
    case 'reshaping':
    case 'lending':
    case 'returning':
    case 'verifying':
      return `on its way (${owner.kind})`;
  }
}
