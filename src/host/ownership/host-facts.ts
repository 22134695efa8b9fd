import type { Draft } from './draft.ts';
import type { Finding, HostFact } from './events.ts';
import { QuarantineReason } from './owner.ts';
import type { FunctionState, Owner } from './owner.ts';
import { gone, seen } from './presence.ts';
import { beginReturn, isBorrowed, killVm, released, vmEnded } from './returns.ts';

/** How acts ended, and what the kernel tells by itself. What comes too late, in another state, changes nothing. */
export function hostFact(draft: Draft, event: HostFact, nowMs: number): void {
  switch (event.kind) {
    case 'moved':
      for (const fn of known(draft, event.functions)) moved(draft, fn);
      return;
    case 'move-failed':
      for (const fn of known(draft, event.functions)) moveFailed(draft, fn, event.stuck);
      return;
    case 'reshaped':
      for (const fn of known(draft, [event.function])) {
        if (fn.owner.kind === 'reshaping') draft.own(fn, { kind: 'host' });
      }
      return;
    case 'verified':
      return verified(draft, event.findings, nowMs);
    case 'not-handed-over':
      return notHandedOver(draft, event.vm, event.function);
    case 'vm-started': {
      const vm = draft.vm(event.vm);
      if (vm?.phase === 'starting') draft.putVm({ ...vm, phase: 'running', untilMs: undefined });
      return;
    }
    case 'vm-stopped':
      return vmStopped(draft, event.vm, nowMs);
    case 'vm-ended':
      return vmEnded(draft, event.vm);
    case 'host-waits': {
      const fn = draft.fn(event.function);
      if (fn === undefined || !isBorrowed(fn.owner)) return;
      return beginReturn(draft, fn.owner.vm, fn.group, { nowMs, deadlineMs: 0, to: undefined });
    }
    case 'seen':
      return seen(draft, event.sighting);
    case 'gone':
      return gone(draft, event.function, nowMs);
  }
}

/** The time to confirm is for a process that runs. */
function vmStopped(draft: Draft, name: string, nowMs: number): void {
  const revokes = draft.functionsOf(name).some(({ owner }) => owner.kind === 'returning' && owner.phase === 'revoking');
  if (revokes) killVm(draft, name, nowMs);
}

function moved(draft: Draft, fn: FunctionState): void {
  if (fn.owner.kind === 'dismounting') draft.own(fn, { kind: 'pool', pool: fn.owner.pool });
  if (fn.owner.kind === 'mounting') draft.own(fn, { kind: 'host' });
}

function moveFailed(draft: Draft, fn: FunctionState, stuck: boolean): void {
  const { owner } = fn;
  if (owner.kind === 'mounting') {
    draft.own(fn, stuck ? quarantine(owner.pool, QuarantineReason.stuck) : { kind: 'pool', pool: owner.pool });
  }
  if (owner.kind !== 'dismounting') return;
  if (stuck) draft.own(fn, quarantine(owner.pool, QuarantineReason.stuck));
  else draft.own(fn, owner.from === 'host' ? { kind: 'host' } : quarantine(owner.pool, QuarantineReason.notDismounted));
}

function notHandedOver(draft: Draft, vm: string, name: string): void {
  const fn = draft.fn(name);
  if (fn === undefined || !isBorrowed(fn.owner) || fn.owner.vm !== vm) return;
  // It never left the pool. Once it has been taken back, the ordinary way is as short.
  if (fn.owner.kind === 'lending') draft.own(fn, { kind: 'pool', pool: fn.owner.pool });
  else if (fn.owner.kind === 'returning' && fn.owner.phase !== 'ending') released(draft, fn, fn.owner);
}

function verified(draft: Draft, findings: ReadonlyMap<string, Finding>, nowMs: number): void {
  const goingHome = new Set<string>();
  for (const [name, finding] of findings) {
    const fn = draft.fn(name);
    if (fn?.owner.kind !== 'verifying') continue;
    const owner = afterFinding(draft, fn, fn.owner, finding, nowMs);
    if (owner === undefined) draft.drop(name);
    else draft.put({ ...fn, present: finding === 'gone' ? false : fn.present, owner });
    if (owner?.kind === 'pool' && fn.owner.to === 'host') goingHome.add(fn.group);
  }
  for (const group of goingHome) mountIfIdle(draft, group);
}

/** Undefined: it left the host, and nobody keeps its place. */
function afterFinding(
  draft: Draft,
  fn: FunctionState,
  owner: Owner & { kind: 'verifying' },
  finding: Finding,
  nowMs: number,
): Owner | undefined {
  const { pool, to, vm } = owner;
  switch (finding) {
    case 'clean':
      // A reset that isn't there can't have worked.
      if (owner.reset && fn.resettable === 'no') return quarantine(pool, QuarantineReason.noReset);
      return { kind: 'pool', pool };
    case 'held': {
      // It lied, or it was too slow to let go: its end settles that. Where it has ended already, somebody else holds it.
      const phase = vm === undefined ? undefined : draft.vm(vm)?.phase;
      if (vm === undefined || phase === undefined || phase === 'unkillable') return heldBy(pool, vm);
      killVm(draft, vm, nowMs);
      return { kind: 'returning', vm, pool, to, phase: 'ending', untilMs: undefined, heard: true };
    }
    case 'reset-failed':
      return quarantine(pool, QuarantineReason.resetFailed);
    case 'no-reset':
      return quarantine(pool, QuarantineReason.noReset);
    case 'stuck':
      return quarantine(pool, QuarantineReason.stuck);
    case 'unbound':
      if (owner.reset && fn.resettable === 'no') return quarantine(pool, QuarantineReason.noReset);
      // Not by force: if the host uses it meanwhile, what it does there is worth more than the pool.
      return { kind: 'dismounting', pool, from: 'pool', force: false };
    case 'gone':
      return to === 'host' ? undefined : { kind: 'pool', pool };
  }
}

/** Groups move as one: everything of it that is dismounted goes home, unless something of it is still away. */
function mountIfIdle(draft: Draft, group: string): void {
  for (const fn of draft.members(group)) {
    if (fn.owner.kind !== 'pool') continue;
    if (fn.present) draft.own(fn, { kind: 'mounting', pool: fn.owner.pool });
  }
}

function quarantine(pool: string, reason: QuarantineReason): Owner {
  return { kind: 'quarantine', pool, reason, vm: undefined };
}

function heldBy(pool: string, vm: string | undefined): Owner {
  return { kind: 'quarantine', pool, reason: QuarantineReason.held, vm };
}

function* known(draft: Draft, names: readonly string[]): Iterable<FunctionState> {
  for (const name of names) {
    const fn = draft.fn(name);
    if (fn !== undefined) yield fn;
  }
}
