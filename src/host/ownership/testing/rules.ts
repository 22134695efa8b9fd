import { isDeepStrictEqual } from 'node:util';
import type { Action } from '../actions.ts';
import { entryActions } from '../entered.ts';
import { isOnTheWay } from '../guards.ts';
import type { FunctionState } from '../owner.ts';
import { vmOf } from '../world.ts';
import type { ModelState, ModelStep, StepFunction } from './model.ts';
import { sightingsIn, tableOf, take } from './model.ts';

const vmWords: ReadonlySet<string> = new Set(['lent', 'heard', 'let-go', 'wanted-now', 'guest-dead']);

/** What must hold in each state and across each step; each throws where it doesn't. */
export const rules: Readonly<Record<string, (step: ModelStep, machine: StepFunction) => void>> = {
  'an owner that is a VM is one that exists': ({ after }) => {
    for (const { name, owner } of after.functions.values()) {
      const vm = vmOf(owner);
      must(vm === undefined || after.vms.has(vm), () => `${name} is with ${vm}`);
    }
  },

  'no two VMs reach one function, nor two functions of one IOMMU group': ({ after }) => {
    for (const [, members] of groupsOf(after)) {
      const reach = new Set(members.flatMap(({ name }) => after.truth.get(name)?.holders ?? []));
      must(reach.size <= 1, () => `${[...reach].join(' and ')} reach ${members[0]?.group}`);
    }
  },

  'whoever may hold a function is its owner, or it is being made sure of, or in quarantine': ({ after }) => {
    for (const [name, { holders }] of after.truth) {
      const owner = after.functions.get(name)?.owner;
      for (const vm of holders) {
        const known = owner !== undefined && vmOf(owner) === vm;
        must(known || owner?.kind === 'verifying' || owner?.kind === 'quarantine', () => `${vm} may hold ${name}`);
      }
    }
  },

  'no driver is changed while a VM process may hold the function': ({ actions, after }) => {
    for (const action of actions) {
      if (action.act !== 'mount' && action.act !== 'dismount') continue;
      for (const name of action.functions) {
        must((after.truth.get(name)?.holders.length ?? 0) === 0, () => `${action.act} ${name}`);
      }
    }
  },

  'a group is made sure of when nobody is to have any of it, and as a whole': ({ actions, before, after }) => {
    for (const action of actions) {
      if (action.act !== 'verify') continue;
      const group = after.functions.get(action.functions[0] ?? '')?.group;
      for (const fn of before.functions.values()) {
        const mayBeHeld = fn.group === group && (after.truth.get(fn.name)?.holders.length ?? 0) > 0;
        must(!mayBeHeld || action.functions.includes(fn.name), () => `${fn.name} is left out`);
      }
    }
  },

  'the word of a VM process changes only what it has': ({ event, before, touched }) => {
    if (!vmWords.has(event.kind) || !('vm' in event)) return;
    for (const name of touched) {
      const owner = before.functions.get(name)?.owner;
      must(owner !== undefined && vmOf(owner) === event.vm, () => `${event.vm} changed ${name}`);
    }
  },

  'a physical function keeps its driver while one of its virtual ones is away': ({ after }) => {
    for (const fn of after.functions.values()) {
      const physical = fn.physicalFunction === undefined ? undefined : after.functions.get(fn.physicalFunction);
      if (physical === undefined || !physical.present || !fn.present || fn.owner.kind === 'host') continue;
      must(physical.owner.kind === 'host', () => `${fn.name} is ${fn.owner.kind}`);
    }
  },

  'what a VM had goes on only after a reset, or by the word of an administrator': ({ after }) => {
    for (const [name, { dirty }] of after.truth) {
      const fn = after.functions.get(name);
      if (!dirty || fn === undefined) continue;
      must(!['host', 'pool', 'mounting', 'dismounting'].includes(fn.owner.kind), () => `${name}: ${fn.owner.kind}`);
    }
  },

  'a failed reset puts that function in quarantine, and changes no other': (step) => {
    const { event, touched, before, after } = step;
    if (event.kind !== 'verified') return;
    for (const name of touched) {
      if (event.findings.has(name)) continue;
      const fn = before.functions.get(name);
      const held = [...event.findings.values()].includes('held');
      const goesHomeToo = after.functions.get(name)?.owner.kind === 'mounting' && fn?.owner.kind === 'pool';
      must(held || goesHomeToo, () => `${name} changed though it was not looked at`);
    }
    for (const [name, finding] of event.findings) {
      if (finding !== 'reset-failed') continue;
      must(after.functions.get(name)?.owner.kind === 'quarantine', () => name);
    }
  },

  'an operation touches nothing but its group, its physical or virtual functions, and what its VM has': (step) => {
    const { event, touched, before } = step;
    if (touched.length === 0 || event.kind === 'restart') return;
    const near = nearTo(before, event);
    for (const name of touched) must(near.has(name), () => `${event.kind} touched ${name}`);
  },

  'an operation never waits for another beyond these': ({ before, event, refusal, after }, machine) => {
    const isRequest = ['dismount', 'mount', 'assign', 'remove', 'release', 'reshape'].includes(event.kind);
    if (!isRequest) return;
    const near = nearTo(before, event);
    if (near.size === before.functions.size) return;
    const alone = { ...before, functions: new Map([...before.functions].filter(([name]) => near.has(name))) };
    const again = take(machine, alone, tableOf(alone), event);
    must(again.refusal?.code === refusal?.code, () => `${again.refusal?.code} alone, ${refusal?.code} among others`);
    for (const name of near) {
      must(isDeepStrictEqual(again.after.functions.get(name), after.functions.get(name)), () => name);
    }
  },

  'nothing that was dismounted comes to the host but by a request': ({ before, after, event }) => {
    for (const [name, fn] of before.functions) {
      if (isHostSide(fn)) continue;
      const now = after.functions.get(name);
      const goesHome = now === undefined || now.owner.kind === 'mounting' || now.owner.kind === 'host';
      if (!goesHome || fn.owner.kind === 'mounting') continue;
      // Groups move as one, so a wish for one is a wish for all.
      const members = [...before.functions.values()].filter(({ group }) => group === fn.group);
      const bound = [...sightingsIn(event)].some((each) => each.name === name && each.driver === 'home');
      if (bound && fn.owner.kind === 'quarantine' && now?.owner.kind === 'host') continue;
      const asked = event.kind === 'mount' || members.some((each) => before.truth.get(each.name)?.wantedHome === true);
      must(asked, () => `${name}: ${fn.owner.kind} to ${now?.owner.kind}`);
    }
  },

  'what a driver of the host has got out of quarantine is the host’s, unless it was to be dismounted again': (step) => {
    const { event, before, after } = step;
    for (const { name, driver } of sightingsIn(event)) {
      const fn = before.functions.get(name);
      if (fn?.owner.kind !== 'quarantine' || !fn.present || fn.owner.vm !== undefined) continue;
      const isLeft = driver === 'home' && fn.owner.reason !== 'not-dismounted';
      const now = after.functions.get(name)?.owner.kind;
      must(now === (isLeft ? 'host' : 'quarantine'), () => `${name}, seen at ${driver}, is ${now}`);
    }
  },

  'what is to be done follows from the journal alone': ({ after, actions }) => {
    if (actions.length === 0) return;
    const all = entryActions(tableOf(after), [...after.functions.values()], [...after.vms.values()]);
    for (const action of actions) {
      if (action.act === 'forget') continue;
      must(
        all.some((each) => includesAction(each, action)),
        () => `${JSON.stringify(action)} would be lost with the manager`,
      );
    }
  },

  'a refusal changes nothing': ({ refusal, touched, actions }) => {
    must(refusal === undefined || touched.length + actions.length === 0, () => 'it did');
  },

  'whatever is on its way waits for the kernel or has an end': ({ after }) => {
    for (const fn of after.functions.values()) {
      if (!isOnTheWay(fn) || fn.owner.kind !== 'returning') continue;
      const { phase, untilMs, vm } = fn.owner;
      const bounded =
        phase === 'ending'
          ? after.vms.get(vm)?.untilMs !== undefined
          : phase === 'released'
            ? [...after.functions.values()].some((mate) => mate.group === fn.group && waits(mate))
            : untilMs !== undefined;
      must(bounded, () => `${fn.name} is ${phase} without end`);
    }
  },
};

/** Whether an act does what another does: that, or that of more functions of the group. */
function includesAction(whole: Action, part: Action): boolean {
  if ('functions' in whole && 'functions' in part) {
    const { functions } = whole;
    return whole.act === part.act && part.functions.every((name) => functions.includes(name));
  }
  // The search has no times.
  const timeless = (action: Action): Action => (action.act === 'ask' ? { ...action, untilMs: 0 } : action);
  return JSON.stringify(timeless(whole)) === JSON.stringify(timeless(part));
}

function must(holds: boolean, text: () => string): void {
  if (!holds) throw new Error(text());
}

function waits({ owner }: FunctionState): boolean {
  return owner.kind === 'returning' && owner.phase !== 'released';
}

function isHostSide({ owner }: FunctionState): boolean {
  return owner.kind === 'host' || owner.kind === 'reshaping' || (owner.kind === 'dismounting' && owner.from === 'host');
}

function groupsOf(state: ModelState): Map<string, FunctionState[]> {
  const groups = new Map<string, FunctionState[]>();
  for (const fn of state.functions.values()) {
    const members = groups.get(fn.group);
    if (members === undefined) groups.set(fn.group, [fn]);
    else members.push(fn);
  }
  return groups;
}

/** The functions that an event may have to do with. */
function nearTo(state: ModelState, event: ModelStep['event']): Set<string> {
  const named = new Set<string>();
  if ('function' in event) named.add(event.function);
  if ('functions' in event) for (const name of event.functions) named.add(name);
  if (event.kind === 'verified') for (const name of event.findings.keys()) named.add(name);
  if (event.kind === 'seen') named.add(event.sighting.name);
  const vm = 'vm' in event ? event.vm : undefined;
  for (const name of named) {
    const owner = state.functions.get(name)?.owner;
    const holder = owner === undefined ? undefined : vmOf(owner);
    // A VM process that has to be killed for one function lets go of all.
    if (holder !== undefined && !('to' in event)) addAll(named, state, (fn) => vmOf(fn.owner) === holder);
  }
  if (vm !== undefined && event.kind !== 'assign' && event.kind !== 'remove') {
    addAll(named, state, (fn) => vmOf(fn.owner) === vm);
  }
  const groups = new Set([...named].map((name) => state.functions.get(name)?.group));
  addAll(named, state, (fn) => groups.has(fn.group));
  const physical = new Set([...named].map((name) => state.functions.get(name)?.physicalFunction));
  addAll(named, state, (fn) => physical.has(fn.name));
  const nearby = new Set(named);
  addAll(named, state, (fn) => fn.physicalFunction !== undefined && nearby.has(fn.physicalFunction));
  return named;
}

function addAll(names: Set<string>, state: ModelState, fits: (fn: FunctionState) => boolean): void {
  for (const fn of state.functions.values()) if (fits(fn)) names.add(fn.name);
}
