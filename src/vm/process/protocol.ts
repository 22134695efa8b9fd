import * as z from 'zod';
import { MAX_CHUNK_BYTES, recordsIn } from '../../trace/index.ts';

/**
 * What a manager and a VM process say to each other: one JSON object a message, over a socket that keeps message boundaries.
 * `docs/vm-process.md` lists the messages; a test holds the two together. Either side checks all that it gets; the manager
 * because the VM process counts as part of its guest.
 */

/** Changes when an older manager and a newer process, or the other way round, could misunderstand each other. */
export const PROTOCOL_VERSION = 1;
/** No message is longer, either way. */
export const MAX_MESSAGE_BYTES = 64 * 1024;
/** Of one typing. */
export const MAX_TYPED_BYTES = 4096;
/** Of the guest's console in one message. */
export const MAX_CONSOLE_BYTES = 16 * 1024;
const MAX_DEADLINE_MS = 24 * 60 * 60 * 1000;

const id = z.int().min(1).describe('chosen by the manager');
const functionName = z
  .string()
  .regex(/^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/)
  .describe('`0000:01:00.0`');

const base64 = (maxBytes: number): z.ZodType<string> =>
  z
    .string()
    .max(Math.ceil(maxBytes / 3) * 4)
    .regex(/^[A-Za-z0-9+/]*={0,2}$/)
    .describe(`base64 of at most ${maxBytes} bytes`);

/** Records of a trace, each after its length. */
const records = base64(MAX_CHUNK_BYTES)
  .refine((text) => recordsIn(Buffer.from(text, 'base64')) !== undefined, 'no records')
  .describe(`base64 of records, each after its length as u32, little-endian; at most ${MAX_CHUNK_BYTES} bytes`);

/** Words that end up on somebody's terminal: nothing that steers one survives. */
const text = (maxLength: number): z.ZodType<string> =>
  z
    .string()
    .max(maxLength)
    .transform((words) => words.replaceAll(/[^\P{C}\n\t]/gu, '\ufffd'))
    .describe(`text of at most ${maxLength} characters`);

/** What the manager asks. Each gets one reply. */
export const vmRequests = {
  ping: z.strictObject({ id, op: z.literal('ping') }).describe('Says that the event loop turns.'),
  status: z.strictObject({ id, op: z.literal('status') }).describe('What it has and how its guest is.'),
  lend: z
    .strictObject({
      id,
      op: z.literal('lend'),
      function: functionName,
      serial: z.int().min(1).max(0xffff_ffff).describe('which lending of this VM it is'),
      numaNode: z.int().min(0).optional().describe('where the function is'),
      node: z
        .discriminatedUnion('kind', [
          z.strictObject({ kind: z.literal('group'), group: z.string().regex(/^\d{1,10}$/), passed: z.boolean() }),
          z.strictObject({ kind: z.literal('device') }),
        ])
        .describe(
          'what comes with the message: an opened `/dev/vfio/GROUP` unless `passed` is false, or the device node',
        ),
    })
    .describe('Takes the function over and offers it to the guest. Has it already: done.'),
  eject: z
    .strictObject({
      id,
      op: z.literal('eject'),
      function: functionName,
      deadlineMs: z.int().min(0).max(MAX_DEADLINE_MS).describe('then it is taken without'),
    })
    .describe('Asks the guest to let go. Replied at once; `ejected` tells of the end.'),
  revoke: z
    .strictObject({ id, op: z.literal('revoke'), function: functionName })
    .describe('Takes the function from the guest. Replied when nothing of it is open; also when it is not there.'),
  type: z
    .strictObject({ id, op: z.literal('type'), data: base64(MAX_TYPED_BYTES) })
    .describe("Types into the guest's serial port."),
  console: z
    .strictObject({
      id,
      op: z.literal('console'),
      from: z.int().min(0).describe('how many bytes of its output the manager has seen'),
    })
    .describe(
      'From now on `console` events carry what the guest prints, after as much of what it has printed as is kept.',
    ),
  trace: z
    .strictObject({ id, op: z.literal('trace'), on: z.boolean() })
    .describe(
      'From now on `trace` events carry what passes between guest and host, or no longer. It ends with the connection, too.',
    ),
  stop: z
    .strictObject({ id, op: z.literal('stop') })
    .describe('Ends the VM. Replied before; `guest-ended` tells of it.'),
} as const;
export type VmOp = keyof typeof vmRequests;

const nothing = z.strictObject({});

/** What each request gets. */
export const vmResults = {
  ping: nothing,
  status: z.strictObject({
    guest: z.enum(['running', 'ended']),
    functions: z.array(functionName).max(256),
    guestOs: text(200).optional(),
    consoleBytes: z.int().min(0).describe('all that the guest has printed'),
    exits: z.int().min(0).describe('how often `KVM_RUN` has returned, all vCPUs'),
  }),
  lend: z.strictObject({ warnings: z.array(text(1000)).max(8) }),
  eject: z.strictObject({ state: z.enum(['asking', 'absent']) }),
  revoke: nothing,
  type: nothing,
  console: nothing,
  trace: nothing,
  stop: nothing,
} as const satisfies Record<VmOp, z.ZodType>;

/** What the VM process says by itself. A manager that connects later is told again what still matters. */
export const vmEvents = {
  hello: z
    .strictObject({
      event: z.literal('hello'),
      version: z.int(),
      name: z.string().max(32),
      dma: z.enum(['container', 'iommufd', 'none']).describe('which kind of node a `lend` must bring'),
    })
    .describe('The first message of every connection.'),
  ejected: z
    .strictObject({
      event: z.literal('ejected'),
      function: functionName,
      outcome: z.enum(['ejected', 'not-in-use', 'deadline', 'rescinded', 'failed']),
    })
    .describe('An eject has ended, and nothing of the function is open.'),
  'release-requested': z
    .strictObject({ event: z.literal('release-requested'), function: functionName })
    .describe(
      "VFIO's request interrupt: the host's kernel wanted the function back, and has it; nothing of it is open.",
    ),
  'function-failed': z
    .strictObject({ event: z.literal('function-failed'), function: functionName, reason: text(1000) })
    .describe("VFIO's error interrupt, or a step that the guest asked for and the kernel refused."),
  crashed: z
    .strictObject({
      event: z.literal('crashed'),
      vp: z.int().min(0),
      parameters: z
        .array(z.string().regex(/^0x[0-9a-f]{1,16}$/))
        .length(5)
        .describe('five numbers, `0x…`'),
      message: text(8192).optional(),
    })
    .describe("The guest's kernel panicked, and said so. It may still run."),
  'guest-os': z.strictObject({ event: z.literal('guest-os'), name: text(200) }).describe('Who runs in the guest.'),
  'guest-ended': z
    .strictObject({
      event: z.literal('guest-ended'),
      how: z.enum(['power-off', 'reset', 'panic', 'triple-fault', 'kvm-failure', 'stopped', 'failed']),
      detail: text(2000),
    })
    .describe('The VM has ended, nothing is open any more, and the process is about to end.'),
  console: z
    .strictObject({
      event: z.literal('console'),
      offset: z.int().min(0).describe('bytes of output before these, those that nobody kept included'),
      data: base64(MAX_CONSOLE_BYTES),
    })
    .describe("What the guest's serial port sent."),
  trace: z
    .strictObject({
      event: z.literal('trace'),
      records,
      lost: z.int().min(0).describe('records before these that nobody kept'),
    })
    .describe('What was recorded.'),
  log: z
    .strictObject({
      event: z.literal('log'),
      severity: z.enum(['info', 'warning']),
      code: z.string().max(64),
      text: text(1000),
      dropped: z.int().min(0).describe('lines that were left out before this one'),
    })
    .describe('Something to note. At most twenty at once and two a second.'),
} as const;

const requestSchema = z.discriminatedUnion('op', [
  vmRequests.ping,
  vmRequests.status,
  vmRequests.lend,
  vmRequests.eject,
  vmRequests.revoke,
  vmRequests.type,
  vmRequests.console,
  vmRequests.trace,
  vmRequests.stop,
]);
export type VmRequest = z.infer<typeof requestSchema>;

const eventSchema = z.discriminatedUnion('event', [
  vmEvents.hello,
  vmEvents.ejected,
  vmEvents['release-requested'],
  vmEvents['function-failed'],
  vmEvents.crashed,
  vmEvents['guest-os'],
  vmEvents['guest-ended'],
  vmEvents.console,
  vmEvents.trace,
  vmEvents.log,
]);
export type VmEvent = z.infer<typeof eventSchema>;

export type VmResult<Op extends VmOp> = z.infer<(typeof vmResults)[Op]>;

const replySchema = z.union([
  z.strictObject({ reply: z.int().min(1), ok: z.literal(true), result: z.unknown() }),
  z.strictObject({
    reply: z.int().min(1),
    ok: z.literal(false),
    error: z.strictObject({ code: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/), message: text(4000) }),
  }),
]);
export type VmReply = z.infer<typeof replySchema>;

/** Undefined: it makes no sense, and whoever sent it is not to be listened to. */
export function decodeRequest(payload: Uint8Array): VmRequest | undefined {
  return requestSchema.safeParse(parse(payload)).data;
}

/** What came from a VM process, checked. Undefined: it makes no sense. */
export function decodeFromVm(payload: Uint8Array): VmReply | VmEvent | undefined {
  const value = parse(payload);
  if (typeof value !== 'object' || value === null) return undefined;
  return 'reply' in value ? replySchema.safeParse(value).data : eventSchema.safeParse(value).data;
}

export function decodeResult<Op extends VmOp>(op: Op, result: unknown): VmResult<Op> | undefined {
  return vmResults[op].safeParse(result).data as VmResult<Op> | undefined;
}

export function encodeMessage(message: VmRequest | VmReply | VmEvent): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(message));
}

function parse(payload: Uint8Array): unknown {
  if (payload.byteLength > MAX_MESSAGE_BYTES) return undefined;
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (error) {
    // Neither JSON nor UTF-8: as good as any other message that makes no sense.
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}
