import type { Draft } from './draft.ts';
import type { Sighting } from './events.ts';
import { isOnTheWay } from './guards.ts';
import { QuarantineReason } from './owner.ts';
import type { FunctionState, Owner } from './owner.ts';
import { beginReturn, isBorrowed } from './returns.ts';
import { vmOf } from './world.ts';

/** A function was looked at: it is new, or came back, or changed its driver, or is as it was. */
export function seen(draft: Draft, sighting: Sighting): void {
  const fn = draft.fn(sighting.name);
  if (fn === undefined || isAnother(fn, sighting)) {
    // Another device in the place of one that is still on its way out: it is looked at again when that has come to its end.
    if (fn !== undefined && isOnTheWay(fn)) return;
    if (fn !== undefined && vmOf(fn.owner) !== undefined) return;
    return draft.put(fresh(sighting));
  }
  const { group, physicalFunction, resettable } = sighting;
  const known = { ...fn, group, physicalFunction, resettable };
  // Only a restart of the host changes these; no VM has outlived that.
  const isChanged = fn.group !== group || fn.physicalFunction !== physicalFunction || fn.resettable !== resettable;
  if (isBorrowed(fn.owner)) return;
  // What is being done with it will come across where it is.
  if (isOnTheWay(fn)) {
    if (isChanged) draft.put(known);
    return;
  }
  const owner = settled(draft, fn, sighting);
  if (owner !== fn.owner || !fn.present || isChanged) draft.put({ ...known, present: true, owner });
}

function fresh({ name, ids, group, physicalFunction, resettable, driver, adoptInto }: Sighting): FunctionState {
  const owner: Owner =
    driver === 'vfio' && adoptInto !== undefined ? { kind: 'pool', pool: adoptInto } : { kind: 'host' };
  return { name, ids, group, physicalFunction, resettable, present: true, owner };
}

function settled(draft: Draft, fn: FunctionState, { driver, adoptInto, group }: Sighting): Owner {
  const { owner } = fn;
  if (owner.kind === 'host' && driver === 'vfio' && adoptInto !== undefined) return { kind: 'pool', pool: adoptInto };
  // Dismounted stays dismounted: after a restart of the host, after a hot-plug, and when somebody bound it by hand.
  if (owner.kind === 'pool' && driver !== 'vfio') {
    return { kind: 'dismounting', pool: owner.pool, from: 'pool', force: false };
  }
  if (owner.kind === 'quarantine' && fn.present && driver === 'home' && isLeftToHost(owner)) return { kind: 'host' };
  // Without power meanwhile, it deserves another look.
  if (owner.kind === 'quarantine' && !fn.present && draft.members(group).every(({ owner: each }) => !isAway(each))) {
    return { kind: 'verifying', vm: undefined, pool: owner.pool, to: 'pool', reset: true };
  }
  return owner;
}

/**
 * Whoever gave it to a driver of the host's, that driver has set it up anew: what it was kept apart for is no more, and to tear it
 * from there would break what it does. One that the manager could not dismount again is there against somebody's wish, which stands.
 */
function isLeftToHost({ reason, vm }: Owner & { kind: 'quarantine' }): boolean {
  return reason !== QuarantineReason.notDismounted && vm === undefined;
}

function isAway(owner: Owner): boolean {
  return vmOf(owner) !== undefined || owner.kind === 'verifying';
}

function isAnother(fn: FunctionState, sighting: Sighting): boolean {
  return fn.ids !== sighting.ids;
}

/** A function has left the host. */
export function gone(draft: Draft, name: string, nowMs: number): void {
  const fn = draft.fn(name);
  if (fn === undefined) return;
  const { owner } = fn;
  const keepsNoPlace =
    owner.kind === 'host' ||
    owner.kind === 'reshaping' ||
    owner.kind === 'mounting' ||
    (owner.kind === 'dismounting' && owner.from === 'host');
  if (keepsNoPlace) return draft.drop(name);
  if (owner.kind === 'dismounting') {
    return draft.put({ ...fn, present: false, owner: { kind: 'pool', pool: owner.pool } });
  }
  draft.put({ ...fn, present: false });
  if (isBorrowed(owner)) beginReturn(draft, owner.vm, fn.group, { nowMs, deadlineMs: 0, to: undefined });
}
