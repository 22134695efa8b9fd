import type { OwnershipEvent } from '../events.ts';
import type { FunctionState } from '../owner.ts';
import type { Scope, Source } from './environment.ts';
import { possibleEvents } from './environment.ts';
import type { ModelState, StepFunction } from './model.ts';
import { initialState, keyOf, tableOf, take } from './model.ts';
import { rules } from './rules.ts';

interface Edge {
  readonly to: number;
  readonly source: Source;
  readonly event: OwnershipEvent;
}

export interface Searched {
  readonly states: number;
  readonly transitions: number;
  /** By function: the most time-outs and answers of the kernel that a return can take. */
  readonly longest: ReadonlyMap<string, number>;
}

/** Which rule; the last one is about all states together. */
export const returnsEnd = 'a return ends within a bounded number of time-outs and answers of the kernel';

/** A rule that doesn't hold, and the shortest way to where it doesn't. */
export class RuleBroken extends Error {
  readonly rule: string;
  readonly path: readonly OwnershipEvent[];

  constructor(rule: string, path: readonly OwnershipEvent[], cause: unknown) {
    const way = path.map(describeEvent).join('\n  ');
    super(`"${rule}" does not hold: ${cause instanceof Error ? cause.message : String(cause)}\nafter\n  ${way}`, {
      cause,
    });
    this.name = 'RuleBroken';
    this.rule = rule;
    this.path = path;
  }
}

/** Visits every state that events can lead to, nearest first, and checks every rule on each step. Throws {@link RuleBroken}. */
export function searchOwnership(machine: StepFunction, scope: Scope): Searched {
  // Refusals come by the million; nobody reads where from.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return search(machine, scope);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function search(machine: StepFunction, scope: Scope): Searched {
  const named = Object.entries(rules);
  const start = initialState(scope.functions);
  const known = new Map([[keyOf(start, scope.vms), 0]]);
  const states: ModelState[] = [start];
  const keys = [keyOf(start, scope.vms)];
  const edges: Edge[][] = [];
  const cameFrom: { readonly from: number; readonly event: OwnershipEvent }[] = [];
  let transitions = 0;
  const pathTo = (at: number, last: OwnershipEvent): OwnershipEvent[] => {
    const path = [last];
    for (let each = at; each !== 0; each = cameFrom[each - 1]?.from ?? 0) {
      const step = cameFrom[each - 1];
      if (step !== undefined) path.unshift(step.event);
    }
    return path;
  };
  for (let at = 0; at < states.length; at += 1) {
    const before = states[at];
    if (before === undefined) break;
    const table = tableOf(before);
    const out: Edge[] = [];
    for (const { source, event } of possibleEvents(scope, before)) {
      transitions += 1;
      const step = take(machine, before, table, event);
      if (step.after === before && step.refusal === undefined) continue;
      for (const [name, holds] of named) {
        try {
          holds(step, machine);
        } catch (error) {
          throw new RuleBroken(name, pathTo(at, event), error);
        }
      }
      if (step.after === before) continue;
      const key = keyOf(step.after, scope.vms);
      if (key === keys[at]) continue;
      let to = known.get(key);
      if (to === undefined) {
        to = states.push(step.after) - 1;
        known.set(key, to);
        keys.push(key);
        cameFrom.push({ from: at, event });
      }
      if (source === 'word' || source === 'kernel' || source === 'clock') out.push({ to, source, event });
    }
    edges.push(out);
  }
  const longest = new Map<string, number>();
  for (const { name } of scope.functions) {
    try {
      longest.set(
        name,
        longestReturn(states, edges, name).reduce((a, b) => Math.max(a, b), 0),
      );
    } catch (error) {
      throw new RuleBroken(returnsEnd, [], error);
    }
  }
  return { states: states.length, transitions, longest };
}

/**
 * From each state the most time-outs and answers of the kernel until a function is home, whatever guests and VM processes say and
 * do in between. Throws where there is no bound, or nothing that is sure to come.
 */
function longestReturn(states: readonly ModelState[], edges: readonly (readonly Edge[])[], name: string): number[] {
  const lengths = new Array<number>(states.length).fill(-1);
  const open = new Set<number>();
  // Depth first without recursion: ways are longer than a stack is deep.
  const todo: number[] = [];
  for (const start of states.keys()) {
    todo.push(start);
    for (let at = todo.at(-1); at !== undefined; at = todo.at(-1)) {
      const state = states[at];
      const fn = state?.functions.get(name);
      if ((lengths[at] ?? -1) >= 0) {
        todo.pop();
        continue;
      }
      if (state === undefined || !isReturning(fn)) {
        lengths[at] = 0;
        todo.pop();
        continue;
      }
      const ways = (edges[at] ?? []).filter(({ source, event }) => source === 'word' || concerns(event, fn, state));
      const ahead = ways.map(({ to }) => to).filter((to) => (lengths[to] ?? -1) < 0);
      if (ahead.length > 0) {
        if (ahead.some((to) => open.has(to))) throw new Error(`${name} can go round in circles`);
        open.add(at);
        todo.push(...ahead);
        continue;
      }
      if (!ways.some(({ source }) => source !== 'word')) {
        throw new Error(`nothing that is sure to come moves ${name} on from ${JSON.stringify(fn.owner)}`);
      }
      lengths[at] = Math.max(...ways.map(({ to, source }) => (lengths[to] ?? 0) + (source === 'word' ? 0 : 1)));
      open.delete(at);
      todo.pop();
    }
  }
  return lengths;
}

function isReturning(fn: FunctionState | undefined): fn is FunctionState {
  if (fn === undefined) return false;
  const { kind } = fn.owner;
  return kind === 'returning' || kind === 'verifying' || kind === 'mounting' || kind === 'dismounting';
}

/** Whether it is about this function, its companions on the way back, or the VM process that it waits for. */
function concerns(event: OwnershipEvent, fn: FunctionState, state: ModelState | undefined): boolean {
  if (event.kind === 'verified') return event.findings.has(fn.name);
  if ('functions' in event) return event.functions.includes(fn.name);
  if (event.kind === 'function-due') return state?.functions.get(event.function)?.group === fn.group;
  const vm = fn.owner.kind === 'returning' ? fn.owner.vm : undefined;
  return (event.kind === 'vm-due' || event.kind === 'vm-ended') && event.vm === vm;
}

function describeEvent(event: OwnershipEvent): string {
  return JSON.stringify(event, (_, value: unknown) =>
    value instanceof Map || value instanceof Set ? [...value] : value,
  );
}
