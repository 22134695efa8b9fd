import { step } from '../step.ts';
import type { Action } from '../actions.ts';
import type { OwnershipEvent, Sighting } from '../events.ts';
import type { FunctionState, Owner, VmState } from '../owner.ts';
import type { Refusal } from '../refusal.ts';
import { OwnershipTable } from '../world.ts';

/** The machine under search: the real one, or one with a defect. */
export type StepFunction = typeof step;

/** What is true of a function, whatever the machine believes. */
export interface Truth {
  /** VM processes that may have it open. */
  readonly holders: readonly string[];
  /** A VM had it, and it was not reset since. */
  readonly dirty: boolean;
  /** Somebody asked for it to go to the host, and that is not done yet. */
  readonly wantedHome: boolean;
}

/** The machine's world, and the truth beside it. Everything that later behaviour can depend on. */
export interface ModelState {
  readonly functions: ReadonlyMap<string, FunctionState>;
  readonly vms: ReadonlyMap<string, VmState>;
  readonly truth: ReadonlyMap<string, Truth>;
}

export interface ModelStep {
  readonly before: ModelState;
  readonly event: OwnershipEvent;
  readonly after: ModelState;
  readonly actions: readonly Action[];
  readonly refusal: Refusal | undefined;
  /** Functions that the machine touched. */
  readonly touched: readonly string[];
}

/** They tell something about who holds what, even where the machine makes nothing of it. */
const factsAboutHolders: ReadonlySet<string> = new Set(['gone', 'verified', 'vm-ended', 'not-handed-over']);

const clean: Truth = { holders: [], dirty: false, wantedHome: false };

/** Times don't matter to what may happen, only their order: every wait is due at 1, and time-outs come at 2. */
const waitMs = 1;
const timeoutMs = 2;

export function initialState(functions: readonly FunctionState[]): ModelState {
  return {
    functions: new Map(functions.map((fn) => [fn.name, fn])),
    vms: new Map(),
    truth: new Map(functions.map(({ name }) => [name, clean])),
  };
}

export function tableOf(state: ModelState): OwnershipTable {
  return new OwnershipTable(state.functions.values(), state.vms.values());
}

/** One event, on the machine and on the truth. */
export function take(
  machine: StepFunction,
  before: ModelState,
  table: OwnershipTable,
  event: OwnershipEvent,
): ModelStep {
  const isTimeout = event.kind === 'function-due' || event.kind === 'vm-due';
  const { changes, actions, refusal } = machine(table, event, isTimeout ? timeoutMs : 0);
  const changesNothing = changes.functions.size === 0 && changes.vms.size === 0 && actions.length === 0;
  if (refusal !== undefined || (changesNothing && !factsAboutHolders.has(event.kind))) {
    return { before, event, after: before, actions, refusal, touched: [...changes.functions.keys()] };
  }
  const functions = new Map(before.functions);
  for (const [name, fn] of changes.functions) {
    if (fn === undefined) functions.delete(name);
    else functions.set(name, timeless(fn));
  }
  const vms = new Map(before.vms);
  for (const [name, vm] of changes.vms) {
    if (vm === undefined) vms.delete(name);
    else vms.set(name, vm.untilMs === undefined ? vm : { ...vm, untilMs: waitMs });
  }
  const truth = new Map(before.truth);
  const after = { functions, vms, truth };
  happen(before, after, truth, event, actions);
  return { before, event, after, actions, refusal, touched: [...changes.functions.keys()] };
}

function timeless(fn: FunctionState): FunctionState {
  const { owner } = fn;
  if (!('untilMs' in owner) || owner.untilMs === undefined) return fn;
  return { ...fn, owner: { ...owner, untilMs: waitMs } };
}

type Truths = Map<string, Truth>;

/** What the event and the acts that follow it do to the truth. */
function happen(
  before: ModelState,
  after: ModelState,
  truth: Truths,
  event: OwnershipEvent,
  actions: readonly Action[],
): void {
  for (const [name, { holders }] of truth) {
    const left = holders.filter((vm) => (event.kind === 'vm-ended' ? vm !== event.vm : after.vms.has(vm)));
    if (left.length !== holders.length) change(truth, name, { holders: left });
  }
  wishes(before, truth, event);
  if (event.kind === 'gone') change(truth, event.function, { holders: [], dirty: false });
  if (event.kind === 'not-handed-over') change(truth, event.function, { holders: [], dirty: false });
  if (event.kind === 'verified') {
    for (const [name, finding] of event.findings) {
      const fn = before.functions.get(name);
      if (fn === undefined || finding === 'held') continue;
      change(truth, name, { holders: [] });
      const asItIs = fn.owner.kind === 'verifying' && !fn.owner.reset;
      const wasReset = fn.resettable !== 'no' && (finding === 'clean' || finding === 'unbound');
      if (wasReset || asItIs || finding === 'gone') change(truth, name, { dirty: false });
    }
  }
  for (const { name, driver } of sightingsIn(event)) {
    // The host's driver has set it up anew, by the word of an administrator or because the host was started.
    if (driver === 'home' && before.functions.get(name)?.owner.kind === 'quarantine')
      change(truth, name, { dirty: false });
  }
  for (const action of actions) {
    if (action.act !== 'lend') continue;
    const holders = truth.get(action.function)?.holders ?? [];
    change(truth, action.function, { holders: [...new Set([...holders, action.vm])].toSorted(), dirty: true });
  }
  for (const [name, { wantedHome }] of truth) {
    const kind = after.functions.get(name)?.owner.kind;
    const isOver = kind === undefined || kind === 'host' || kind === 'pool' || kind === 'quarantine';
    if (wantedHome && isOver) change(truth, name, { wantedHome: false });
  }
}

/** What was seen of functions. */
export function sightingsIn(event: OwnershipEvent): Iterable<Sighting> {
  if (event.kind === 'seen') return [event.sighting];
  return event.kind === 'restart' ? event.sightings.values() : [];
}

function wishes(before: ModelState, truth: Truths, event: OwnershipEvent): void {
  const named = event.kind === 'mount' ? event.functions : event.kind === 'remove' ? [event.function] : [];
  const wantedHome = event.kind === 'mount' || (event.kind === 'remove' && event.to === 'host');
  for (const name of named) {
    const group = before.functions.get(name)?.group;
    for (const fn of before.functions.values()) if (fn.group === group) change(truth, fn.name, { wantedHome });
  }
}

function change(truth: Truths, name: string, parts: Partial<Truth>): void {
  truth.set(name, { ...(truth.get(name) ?? clean), ...parts });
}

/** Two states with the same key behave alike. VMs have no other marks than their names, so states that differ in those alone are one. */
export function keyOf(state: ModelState, vms: readonly string[]): string {
  const [first, second] = vms;
  const plain = rawKey(state, (vm) => vm ?? '');
  if (first === undefined || second === undefined) return plain;
  const swapped = rawKey(state, (vm) => (vm === first ? second : vm === second ? first : (vm ?? '')));
  return plain < swapped ? plain : swapped;
}

type Naming = (vm: string | undefined) => string;

function rawKey(state: ModelState, nameOf: Naming): string {
  let key = '';
  for (const [name, truth] of state.truth) {
    const fn = state.functions.get(name);
    key += fn === undefined ? '-' : (fn.present ? '' : '!') + ownerKey(fn.owner, nameOf);
    if (truth.holders.length > 0) key += `/${truth.holders.map(nameOf).toSorted().join('+')}`;
    key += `${truth.dirty ? 'd' : ''}${truth.wantedHome ? 'h' : ''}|`;
  }
  const phases: string[] = [];
  for (const { name, phase } of state.vms.values()) phases.push(nameOf(name) + phase);
  return key + phases.toSorted().join(',');
}

function ownerKey(owner: Owner, nameOf: Naming): string {
  switch (owner.kind) {
    case 'host':
    case 'pool':
    case 'mounting':
    case 'reshaping':
      return owner.kind;
    case 'dismounting':
      return `dismounting${owner.from}${owner.force}`;
    case 'lending':
    case 'lent':
      return owner.kind + nameOf(owner.vm);
    case 'returning':
      return `returning${nameOf(owner.vm)}${owner.to}${owner.phase}${owner.heard}`;
    case 'verifying':
      return `verifying${nameOf(owner.vm)}${owner.to}${owner.reset}`;
    case 'quarantine':
      return `quarantine${owner.reason}${nameOf(owner.vm)}`;
  }
}
