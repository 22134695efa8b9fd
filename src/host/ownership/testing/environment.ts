import type { Finding, OwnershipEvent, Sighting } from '../events.ts';
import type { FunctionState } from '../owner.ts';
import { vmOf } from '../world.ts';
import type { ModelState } from './model.ts';

/** Who makes an event: only what the kernel and the clock do is sure to come. */
export type Source = 'asked' | 'word' | 'kernel' | 'clock' | 'plug' | 'restart';

export interface PossibleEvent {
  readonly source: Source;
  readonly event: OwnershipEvent;
}

/** What may be searched for: everything by default. */
export interface Scope {
  readonly vms: readonly string[];
  readonly functions: readonly FunctionState[];
}

const findings: readonly Finding[] = ['clean', 'reset-failed', 'stuck', 'unbound', 'gone'];

/** Everything that may happen next: any request, any word of any VM process, any answer of the kernel to what was begun. */
export function* possibleEvents(scope: Scope, state: ModelState): Iterable<PossibleEvent> {
  yield* requests(scope, state);
  yield* words(scope, state);
  yield* clock(state);
  yield* kernel(state);
  yield* plugging(scope, state);
  yield* restarts(scope, state);
}

function* requests({ vms, functions }: Scope, state: ModelState): Iterable<PossibleEvent> {
  const asked = (event: OwnershipEvent): PossibleEvent => ({ source: 'asked', event });
  for (const { name, physicalFunction } of functions) {
    yield asked({ kind: 'dismount', functions: [name], pool: 'default', force: false });
    yield asked({ kind: 'mount', functions: [name] });
    for (const reset of [true, false]) yield asked({ kind: 'release', function: name, reset });
    if (functions.some((each) => each.physicalFunction === name) && physicalFunction === undefined) {
      yield asked({ kind: 'reshape', function: name, virtualFunctions: 2, settings: [], drivenBy: 'host' });
    }
    for (const vm of vms) {
      yield asked({ kind: 'assign', vm, function: name });
      if (!state.vms.has(vm)) continue;
      for (const deadlineMs of [0, 60_000]) {
        for (const to of ['pool', 'host'] as const) {
          yield asked({ kind: 'remove', vm, function: name, deadlineMs, to });
        }
      }
    }
  }
  for (const vm of vms) {
    yield asked({ kind: 'create-vm', vm });
    for (const force of [false, true]) yield asked({ kind: 'stop-vm', vm, force });
  }
}

function* words({ functions }: Scope, state: ModelState): Iterable<PossibleEvent> {
  for (const vm of state.vms.keys()) {
    yield { source: 'word', event: { kind: 'guest-dead', vm } };
    for (const { name } of functions) {
      for (const kind of ['lent', 'heard', 'let-go', 'wanted-now'] as const) {
        yield { source: 'word', event: { kind, vm, function: name } };
      }
    }
  }
}

function* clock(state: ModelState): Iterable<PossibleEvent> {
  for (const { name, owner } of state.functions.values()) {
    if ('untilMs' in owner && owner.untilMs !== undefined) {
      yield { source: 'clock', event: { kind: 'function-due', function: name } };
    }
  }
  for (const { name, untilMs } of state.vms.values()) {
    if (untilMs !== undefined) yield { source: 'clock', event: { kind: 'vm-due', vm: name } };
  }
}

function* kernel(state: ModelState): Iterable<PossibleEvent> {
  const fact = (event: OwnershipEvent): PossibleEvent => ({ source: 'kernel', event });
  for (const { name, phase } of state.vms.values()) {
    // Never sure to come: a process ends when it pleases, and a killed one when the kernel can.
    yield { source: 'word', event: { kind: 'vm-ended', vm: name } };
    yield { source: 'word', event: { kind: 'vm-stopped', vm: name } };
    if (phase === 'starting') yield fact({ kind: 'vm-started', vm: name });
  }
  const groups = new Set<string>();
  for (const { name, group, owner } of state.functions.values()) {
    groups.add(group);
    if (owner.kind === 'dismounting' || owner.kind === 'mounting') {
      yield fact({ kind: 'moved', functions: [name] });
      for (const stuck of [false, true]) yield fact({ kind: 'move-failed', functions: [name], stuck });
    }
    if (owner.kind === 'reshaping') yield fact({ kind: 'reshaped', function: name });
    if (owner.kind === 'lending') yield fact({ kind: 'not-handed-over', vm: owner.vm, function: name });
    const isOut = vmOf(owner) !== undefined;
    if (isOut) yield { source: 'word', event: { kind: 'host-waits', function: name } };
  }
  for (const group of groups) {
    const verified = [...state.functions.values()].filter((fn) => fn.group === group && fn.owner.kind === 'verifying');
    if (verified.length === 0) continue;
    yield fact({ kind: 'verified', findings: new Map(verified.map(({ name }) => [name, 'held'])) });
    for (const found of combinations(verified)) yield fact({ kind: 'verified', findings: new Map(found) });
  }
}

function combinations(functions: readonly FunctionState[]): [string, Finding][][] {
  return functions.reduce<[string, Finding][][]>(
    (found, { name }) =>
      found.flatMap((each) => findings.map((finding) => [...each, [name, finding] as [string, Finding]])),
    [[]],
  );
}

/** A physical function takes its virtual ones along; the kernel waits for whoever has one open. */
function* plugging({ functions }: Scope, state: ModelState): Iterable<PossibleEvent> {
  for (const fn of functions) {
    const now = state.functions.get(fn.name);
    const physical = fn.physicalFunction === undefined ? undefined : state.functions.get(fn.physicalFunction);
    const hasVirtual = functions.some(
      ({ name, physicalFunction }) => physicalFunction === fn.name && state.functions.get(name)?.present === true,
    );
    if (now?.present === true && !hasVirtual) yield { source: 'plug', event: { kind: 'gone', function: fn.name } };
    // Virtual functions are there while the host's driver has the physical one.
    const canAppear =
      fn.physicalFunction === undefined || (physical?.present === true && physical.owner.kind === 'host');
    if (now?.present !== true ? canAppear : now.owner.kind === 'pool') {
      yield { source: 'plug', event: { kind: 'seen', sighting: sightingOf(fn, 'home') } };
    }
    if (now?.present !== true || now.owner.kind !== 'quarantine') continue;
    yield { source: 'plug', event: { kind: 'seen', sighting: sightingOf(fn, 'none') } };
    // The kernel binds no driver of its own while anybody has something of the group open.
    const isOpen = functions.some(({ name, group }) => group === fn.group && isHeld(state, name));
    if (!isOpen && canAppear) yield { source: 'plug', event: { kind: 'seen', sighting: sightingOf(fn, 'home') } };
  }
}

function isHeld(state: ModelState, name: string): boolean {
  return (state.truth.get(name)?.holders.length ?? 0) > 0;
}

/** The manager starts again; VM processes may have ended meanwhile, the host may have been restarted. */
function* restarts({ functions }: Scope, state: ModelState): Iterable<PossibleEvent> {
  const present = functions.filter(({ name }) => state.functions.get(name)?.present === true);
  const bound = (fn: FunctionState): 'vfio' | 'home' => {
    const kind = state.functions.get(fn.name)?.owner.kind;
    return kind === 'host' || kind === 'reshaping' || kind === 'mounting' || kind === 'dismounting' ? 'home' : 'vfio';
  };
  const live = new Set(state.vms.keys());
  const sightings = new Map(present.map((fn) => [fn.name, sightingOf(fn, bound(fn))]));
  yield { source: 'restart', event: { kind: 'restart', sightings, liveVms: live } };
  const afterBoot = new Map(present.map((fn) => [fn.name, sightingOf(fn, 'home')]));
  yield { source: 'restart', event: { kind: 'restart', sightings: afterBoot, liveVms: new Set() } };
}

function sightingOf(fn: FunctionState, driver: Sighting['driver']): Sighting {
  const { name, ids, group, physicalFunction, resettable } = fn;
  return { name, ids, group, physicalFunction, resettable, driver, adoptInto: undefined };
}
