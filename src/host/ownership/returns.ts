import { CONFIRM_MS, KILL_MS } from './bounds.ts';
import type { Draft } from './draft.ts';
import type { Destination, FunctionState, Owner } from './owner.ts';

/** The owners of a function that a VM process may hold. */
export type Borrowed = Extract<Owner, { vm: string; kind: 'lending' | 'lent' | 'returning' }>;

export function isBorrowed(owner: Owner): owner is Borrowed {
  return owner.kind === 'lending' || owner.kind === 'lent' || owner.kind === 'returning';
}

export interface ReturnWish {
  readonly nowMs: number;
  /** How long the guest has; 0: it isn't asked. */
  readonly deadlineMs: number;
  /** Undefined: as was wished before, or the pool. */
  readonly to: Destination | undefined;
}

/**
 * Everything that the VM has of a group begins to return, or returns sooner. As one, because VFIO hands out groups: that nobody
 * has one of them open can be seen only when nobody has any.
 */
export function beginReturn(draft: Draft, vm: string, group: string, wish: ReturnWish): void {
  for (const fn of borrowedOf(draft, vm, group)) returnOne(draft, fn, fn.owner, wish);
}

function returnOne(draft: Draft, fn: FunctionState, owner: Borrowed, wish: ReturnWish): void {
  const { nowMs, deadlineMs } = wish;
  const { vm, pool } = owner;
  const to = wish.to ?? (owner.kind === 'returning' ? owner.to : 'pool');
  const until = nowMs + deadlineMs;
  const asksFirst = deadlineMs > 0 && owner.kind !== 'lending';
  if (owner.kind !== 'returning') {
    // A VM process that hasn't so much as heard the request at the deadline has had its time to confirm.
    const heard = deadlineMs < CONFIRM_MS;
    if (asksFirst) draft.own(fn, { kind: 'returning', vm, pool, to, phase: 'asking', untilMs: until, heard });
    else revoke(draft, fn, { ...owner, to }, nowMs);
    return;
  }
  if (owner.phase !== 'asking') return draft.own(fn, { ...owner, to });
  if (!asksFirst) return revoke(draft, fn, { ...owner, to }, nowMs);
  draft.own(fn, {
    ...owner,
    to,
    untilMs: Math.min(owner.untilMs ?? until, until),
    heard: owner.heard || deadlineMs < CONFIRM_MS,
  });
}

/** The VM process is told to take it from the guest, and has the bound to confirm that. */
function revoke(draft: Draft, fn: FunctionState, from: Borrowed & { to: Destination }, nowMs: number): void {
  const { vm, pool, to } = from;
  const untilMs = nowMs + CONFIRM_MS;
  draft.own(fn, { kind: 'returning', vm, pool, to, phase: 'revoking', untilMs, heard: true });
}

/** The VM process says that it has let go of one; when it has said so of all of the group, that is looked at. */
export function released(draft: Draft, fn: FunctionState, owner: Borrowed): void {
  const { vm, pool } = owner;
  const to = owner.kind === 'returning' ? owner.to : 'pool';
  draft.own(fn, { kind: 'returning', vm, pool, to, phase: 'released', untilMs: undefined, heard: true });
  const all = borrowedOf(draft, vm, fn.group);
  if (!all.every(({ owner: each }) => each.kind === 'returning' && each.phase === 'released')) return;
  for (const each of all) verify(draft, each, each.owner, vm);
}

function verify(draft: Draft, fn: FunctionState, from: Borrowed, vm: string | undefined): void {
  const to = from.kind === 'returning' ? from.to : 'pool';
  draft.own(fn, { kind: 'verifying', vm, pool: from.pool, to, reset: true });
}

/** Its end releases everything it has: from now on that is what is waited for. */
export function awaitEnd(draft: Draft, vm: string): void {
  for (const fn of draft.functionsOf(vm)) {
    const { owner } = fn;
    if (!isBorrowed(owner)) continue;
    const to = owner.kind === 'returning' ? owner.to : 'pool';
    draft.own(fn, { kind: 'returning', vm, pool: owner.pool, to, phase: 'ending', untilMs: undefined, heard: true });
  }
}

export function killVm(draft: Draft, name: string, nowMs: number): void {
  const vm = draft.vm(name);
  if (vm === undefined || vm.phase === 'killing' || vm.phase === 'unkillable') return;
  draft.putVm({ name, phase: 'killing', untilMs: nowMs + KILL_MS });
  awaitEnd(draft, name);
}

/** The process is gone: what it had is in nobody's hands, but for somebody it may have passed it to. */
export function vmEnded(draft: Draft, name: string): void {
  for (const fn of draft.functionsOf(name)) {
    const { owner } = fn;
    if (isBorrowed(owner)) verify(draft, fn, owner, undefined);
    else if (owner.kind === 'verifying') draft.own(fn, { ...owner, vm: undefined });
    else if (owner.kind === 'quarantine') {
      draft.own(fn, { kind: 'verifying', vm: undefined, pool: owner.pool, to: 'pool', reset: true });
    }
  }
  draft.dropVm(name);
}

function borrowedOf(draft: Draft, vm: string, group: string): (FunctionState & { readonly owner: Borrowed })[] {
  return draft
    .members(group)
    .flatMap((fn) => (isBorrowed(fn.owner) && fn.owner.vm === vm ? [{ ...fn, owner: fn.owner }] : []));
}
