import type { OwnershipEvent } from './events.ts';
import type { FunctionState } from './owner.ts';
import { step } from './step.ts';
import { OwnershipTable, vmOf } from './world.ts';
import type { World } from './world.ts';

/**
 * Plays through, on a copy, how a return that is under way goes on when the guest never answers, and its process ends; gives how the function stands in the
 * end. The world is only read. See `rehearseMount` for why. Undefined: no VM has it.
 */
export function rehearseReturn(world: World, name: string): FunctionState | undefined {
  const fn = world.fn(name);
  const vm = fn === undefined ? undefined : vmOf(fn.owner);
  const state = vm === undefined ? undefined : world.vm(vm);
  if (fn === undefined || vm === undefined || state === undefined) return undefined;
  const names = world.members(fn.group).flatMap((each) => (vmOf(each.owner) === vm ? [each.name] : []));
  const dueMs = 'untilMs' in fn.owner ? (fn.owner.untilMs ?? 0) : 0;
  const events: OwnershipEvent[] = [
    { kind: 'function-due', function: name },
    ...names.map((each): OwnershipEvent => ({ kind: 'let-go', vm, function: each })),
    { kind: 'vm-ended', vm },
    { kind: 'verified', findings: new Map(names.map((each) => [each, 'clean'])) },
    { kind: 'moved', functions: names },
  ];
  const copy = new OwnershipTable(world.members(fn.group), [state]);
  for (const event of events) copy.apply(step(copy, event, dueMs).changes);
  return copy.fn(name);
}
