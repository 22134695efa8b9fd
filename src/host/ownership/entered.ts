import type { Action } from './actions.ts';
import type { FunctionState, VmState } from './owner.ts';
import type { World } from './world.ts';

/**
 * What is to be done now that these functions and VMs have come into their states: the same when a state is entered and when
 * a manager starts and finds it, so that nothing is lost between the journal and the act.
 */
export function entryActions(
  world: World,
  functions: readonly FunctionState[],
  vms: readonly VmState[],
): readonly Action[] {
  const actions: Action[] = vms.flatMap(vmAction);
  // One act for those of a group: one claim, one move.
  const verified = new Groups();
  const dismounted = new Groups();
  const mounted = new Groups();
  for (const fn of functions) {
    const { owner } = fn;
    if (owner.kind === 'verifying') verified.add(fn);
    else if (owner.kind === 'dismounting') dismounted.add(fn);
    else if (owner.kind === 'mounting') mounted.add(fn);
    else actions.push(...ownAction(world, fn));
  }
  for (const members of verified.all()) {
    const reset = members.every(({ owner }) => owner.kind === 'verifying' && owner.reset);
    actions.push({ act: 'verify', functions: names(members), reset });
  }
  for (const members of dismounted.all()) {
    const force = members.some(({ owner }) => owner.kind === 'dismounting' && owner.force);
    const again = members.every(({ owner }) => owner.kind === 'dismounting' && owner.from === 'pool');
    actions.push({ act: 'dismount', functions: names(members), force, again });
  }
  for (const members of mounted.all()) actions.push({ act: 'mount', functions: names(members) });
  return actions;
}

function ownAction(world: World, fn: FunctionState): Action[] {
  const { name, owner } = fn;
  if (owner.kind === 'reshaping') {
    const { virtualFunctions, settings, drivenBy } = owner;
    return [{ act: 'reshape', function: name, virtualFunctions, settings, drivenBy }];
  }
  if (owner.kind === 'lending') {
    const groupIsOpen = world
      .members(fn.group)
      .some((mate) => mate.name !== name && mate.owner.kind === 'lent' && mate.owner.vm === owner.vm);
    return [{ act: 'lend', vm: owner.vm, function: name, groupIsOpen }];
  }
  if (owner.kind !== 'returning') return [];
  if (owner.phase === 'asking') return [{ act: 'ask', vm: owner.vm, function: name, untilMs: owner.untilMs ?? 0 }];
  return owner.phase === 'revoking' ? [{ act: 'revoke', vm: owner.vm, function: name }] : [];
}

function vmAction({ name, phase }: VmState): Action[] {
  switch (phase) {
    case 'starting':
      return [{ act: 'start-vm', vm: name }];
    case 'stopping':
      return [{ act: 'stop-vm', vm: name }];
    case 'killing':
      return [{ act: 'kill-vm', vm: name }];
    case 'running':
    case 'unkillable':
      return [];
  }
}

/** Whether a function is in another state than before: a longer or shorter time for the same is none. */
export function hasEntered(before: FunctionState | undefined, after: FunctionState): boolean {
  if (before === undefined) return true;
  const [was, is] = [before.owner, after.owner];
  if (was === is) return false;
  if (was.kind !== is.kind) return true;
  if (was.kind === 'returning' && is.kind === 'returning') return was.vm !== is.vm || was.phase !== is.phase;
  // A verdict that is awaited already goes on; only where it leads to has changed.
  return false;
}

function names(functions: readonly FunctionState[]): string[] {
  return functions.map(({ name }) => name).toSorted();
}

class Groups {
  readonly #byGroup = new Map<string, FunctionState[]>();

  add(fn: FunctionState): void {
    const members = this.#byGroup.get(fn.group);
    if (members === undefined) this.#byGroup.set(fn.group, [fn]);
    else members.push(fn);
  }

  all(): Iterable<readonly FunctionState[]> {
    return this.#byGroup.values();
  }
}
