import * as z from 'zod';
import { MAX_CHUNK_BYTES } from '../../trace/index.ts';

/**
 * What processes say to a running VM over its control socket: one JSON object a line each way, a reply for each request, in
 * order. A connection may carry several requests.
 */

/** As `canonicalName` takes it. */
const functionAddress = z.string().max(32);
const MAX_DEADLINE_MS = 24 * 60 * 60 * 1000;

export const controlRequest = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('status') }),
  z.strictObject({ op: z.literal('add'), function: functionAddress }),
  z.strictObject({
    op: z.literal('eject'),
    function: functionAddress,
    /** How long the guest may take; without it, what the VM was started with. */
    deadlineMs: z.int().min(0).max(MAX_DEADLINE_MS).optional(),
  }),
  z.strictObject({ op: z.literal('rescind'), function: functionAddress }),
  /** Answered when the VM has ended and every function is back at the host. */
  z.strictObject({ op: z.literal('stop') }),
  /** The last request of its connection: the reply is followed by lines of {@link traceLine}, until nothing more comes. */
  z.strictObject({ op: z.literal('trace') }),
]);
export type ControlRequest = z.infer<typeof controlRequest>;
export type ControlOp = ControlRequest['op'];

const vmStatus = z.object({
  name: z.string(),
  processId: z.int(),
  state: z.enum(['starting', 'running', 'ending']),
  /** ISO 8601. */
  startedAt: z.string(),
  /** The guest kernel's release, or its file. */
  kernel: z.string(),
  memoryBytes: z.int(),
  vcpus: z.int(),
  /** What it has now, by address. */
  functions: z.array(z.string()),
  /** Exits to user space since it started. */
  exits: z.int(),
});
export type VmStatus = z.infer<typeof vmStatus>;

const moved = { function: z.string(), tookMs: z.number() };

/** What each request gets, by its `op`. */
export const controlResults = {
  status: vmStatus,
  add: z.object(moved),
  eject: z.object({ ...moved, outcome: z.enum(['ejected', 'not-in-use', 'deadline', 'rescinded']) }),
  rescind: z.object(moved),
  stop: z.object({}),
  trace: z.object({}),
} as const;

/** What follows the reply to `trace`. */
export const traceLine = z.union([
  z.object({
    /** Base64 of records, each after its length. */
    records: z.string().max(Math.ceil(MAX_CHUNK_BYTES / 3) * 4),
    /** Before these. */
    lost: z.int().min(0),
  }),
  /** Why nothing more comes; the last line. */
  z.object({ ended: z.string() }),
]);
export type ControlResult<Op extends ControlOp> = z.infer<(typeof controlResults)[Op]>;

const errorReport = z.object({
  code: z.string(),
  message: z.string(),
  asked: z.string().optional(),
  obstacle: z.string().optional(),
  remedy: z.string().optional(),
  details: z.unknown().optional(),
});

/** `result` is checked by {@link controlResults}, which depends on the request. */
export const controlReply = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), result: z.unknown() }),
  z.object({ ok: z.literal(false), error: errorReport }),
]);
