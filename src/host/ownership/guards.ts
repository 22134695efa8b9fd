import type { FunctionState, OwnerKind } from './owner.ts';
import { Refused } from './refusal.ts';
import type { World } from './world.ts';
import { vmOf } from './world.ts';

/** Owners under which something is being done. */
const onTheWay: ReadonlySet<OwnerKind> = new Set([
  'dismounting',
  'mounting',
  'reshaping',
  'lending',
  'returning',
  'verifying',
]);

export function isOnTheWay(fn: FunctionState): boolean {
  return onTheWay.has(fn.owner.kind);
}

/** Throws `no-such-function` or `function-absent`. */
export function needPresent(world: World, name: string): FunctionState {
  const fn = world.fn(name);
  if (fn === undefined) throw new Refused('no-such-function', name);
  if (!fn.present) throw new Refused('function-absent', name, fn);
  return fn;
}

/** Throws `operation-in-progress` while anything of the group is on its way. */
export function refuseBusyGroup(world: World, fn: FunctionState): void {
  const busy = world.members(fn.group).find(isOnTheWay);
  if (busy !== undefined) throw new Refused('operation-in-progress', fn.name, busy);
}

/** Throws `virtual-functions-lent`: what is left of a physical function's driver takes its virtual functions along. */
export function refuseVirtualFunctionsAway(world: World, fn: FunctionState): void {
  const away = world.virtualFunctionsOf(fn.name).find((each) => !isHome(each));
  if (away !== undefined) throw new Refused('virtual-functions-lent', fn.name, away);
}

/** Throws `physical-function-away`: a virtual function works only while the host's driver has its physical one. */
export function refusePhysicalFunctionAway(world: World, fn: FunctionState): void {
  const physical = fn.physicalFunction === undefined ? undefined : world.fn(fn.physicalFunction);
  if (physical === undefined) return;
  if (physical.owner.kind !== 'host' || !physical.present)
    throw new Refused('physical-function-away', fn.name, physical);
}

/** Throws where another function of the group keeps this one from going to a VM. */
export function refuseGroupMates(world: World, fn: FunctionState, vm: string): void {
  for (const mate of world.members(fn.group)) {
    if (mate.name === fn.name) continue;
    const other = vmOf(mate.owner);
    if (other !== undefined && other !== vm) throw new Refused('group-with-other-vm', fn.name, mate);
    if (mate.owner.kind === 'quarantine') throw new Refused('group-quarantined', fn.name, mate);
    if (mate.owner.kind === 'host') throw new Refused('group-not-viable', fn.name, mate);
  }
}

/** It is the host's, or it has left the host and nobody can reach it. */
function isHome({ owner, present }: FunctionState): boolean {
  return owner.kind === 'host' || (!present && (owner.kind === 'pool' || owner.kind === 'quarantine'));
}
