import * as z from 'zod';
import type { FunctionState, VmState } from '../ownership/owner.ts';
import { QuarantineReason } from '../ownership/owner.ts';

const destination = z.enum(['pool', 'host']);
const vm = z.string();
const pool = z.string();
const untilMs = z.number();
const owner = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('host') }),
  z.object({ kind: z.literal('dismounting'), pool, from: destination, force: z.boolean() }),
  z.object({ kind: z.literal('pool'), pool }),
  z.object({ kind: z.literal('mounting'), pool }),
  z.object({
    kind: z.literal('reshaping'),
    virtualFunctions: z.number(),
    settings: z.array(
      z.object({
        queues: z.optional(z.number()),
        interrupts: z.optional(z.number()),
        mac: z.optional(z.string()),
        vlan: z.optional(z.number()),
        trust: z.optional(z.boolean()),
      }),
    ),
    // An earlier version's journal knows of none but the host.
    drivenBy: z.enum(['host', 'nobody']).default('host'),
  }),
  z.object({ kind: z.literal('lending'), vm, pool, untilMs }),
  z.object({ kind: z.literal('lent'), vm, pool }),
  z.object({
    kind: z.literal('returning'),
    vm,
    pool,
    to: destination,
    phase: z.enum(['asking', 'revoking', 'released', 'ending']),
    untilMs: z.optional(untilMs),
    heard: z.boolean(),
  }),
  z.object({ kind: z.literal('verifying'), vm: z.optional(vm), pool, to: destination, reset: z.boolean() }),
  z.object({ kind: z.literal('quarantine'), pool, reason: z.enum(QuarantineReason), vm: z.optional(vm) }),
]);

const functionState = z.object({
  name: z.string(),
  ids: z.string(),
  group: z.string(),
  physicalFunction: z.optional(z.string()),
  resettable: z.enum(['yes', 'no', 'unknown']),
  present: z.boolean(),
  owner,
});

const vmState = z.object({
  name: z.string(),
  phase: z.enum(['starting', 'running', 'stopping', 'killing', 'unkillable']),
  untilMs: z.optional(untilMs),
});

/** Throws ZodError or SyntaxError for what isn't a function's state. What JSON leaves out is there again, as undefined. */
export function decodeFunction(text: string): FunctionState {
  const state = functionState.parse(JSON.parse(text));
  return { ...state, physicalFunction: state.physicalFunction, owner: decodedOwner(state.owner) };
}

/** Throws as {@link decodeFunction}. */
export function decodeVm(text: string): VmState {
  const state = vmState.parse(JSON.parse(text));
  return { ...state, untilMs: state.untilMs };
}

function decodedOwner(decoded: z.infer<typeof owner>): FunctionState['owner'] {
  if (decoded.kind === 'returning') return { ...decoded, untilMs: decoded.untilMs };
  if (decoded.kind === 'verifying' || decoded.kind === 'quarantine') return { ...decoded, vm: decoded.vm };
  return decoded;
}

/** Throws as {@link decodeFunction}. */
export function decodeObject(text: string): Record<string, unknown> {
  return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
}
