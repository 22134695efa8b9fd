import { AdminOpcode, IoOpcode } from '../../src/functions/software-nvme/command.ts';
import type { Choices } from '../engine/choices.ts';

const PAGE_BYTES = 4096;
/** Of every queue of the fuzzed guest. */
export const QUEUE_ENTRIES = 8;
/** From this page on there is nothing but data. */
export const DATA_PAGE = 16;
/** Where ranges for Dataset Management are. */
export const RANGES_PAGE = 15;
const LIST_PAGE = 14;
const DATA_PAGES = 64;
/** The last entry of the first list. */
export const LIST_END: number = (LIST_PAGE + 1) * PAGE_BYTES - 8;

/** Where queue `id` (0 to 4) has its commands, and where its completions. */
export function submissionPage(id: number): number {
  return 1 + 2 * id;
}

export function completionPage(id: number): number {
  return 2 + 2 * id;
}

/** A submission queue entry; what isn't given is 0. NVM Express Base Specification 1.4, figure 105. */
export interface SubmittedCommand {
  readonly opcode: number;
  readonly flags?: number;
  readonly commandId?: number;
  readonly namespaceId?: number;
  readonly prp1?: bigint;
  readonly prp2?: bigint;
  readonly cdw10?: number;
  readonly cdw11?: number;
  readonly cdw12?: number;
  readonly cdw13?: number;
}

export function encodeCommand(command: SubmittedCommand): Uint8Array {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, command.opcode | ((command.flags ?? 0) << 8) | ((command.commandId ?? 0) << 16), true);
  view.setUint32(4, command.namespaceId ?? 0, true);
  view.setBigUint64(24, command.prp1 ?? 0n, true);
  view.setBigUint64(32, command.prp2 ?? 0n, true);
  view.setUint32(40, command.cdw10 ?? 0, true);
  view.setUint32(44, command.cdw11 ?? 0, true);
  view.setUint32(48, command.cdw12 ?? 0, true);
  view.setUint32(52, command.cdw13 ?? 0, true);
  return bytes;
}

/** Values of CNS. */
const IDENTIFY = [0, 1, 2, 3, 0x14, 0x15] as const;
const Feature = { temperatureThreshold: 4, numberOfQueues: 7, interruptVectorConfiguration: 9 } as const;
const FEATURES = [1, 2, 4, 5, 6, 7, 8, 9, 0xa, 0xb] as const;
const ADMIN = Object.values(AdminOpcode);
const IO = Object.values(IoOpcode);

/** What a guest likes best: a few commands of each kind, which come more often, so that much happens around each. */
export interface Taste {
  readonly admin: readonly number[];
  readonly io: readonly number[];
}

export function chosenTaste(choices: Choices): Taste {
  return { admin: [choices.pick(ADMIN) ?? 0, choices.pick(ADMIN) ?? 0], io: [choices.pick(IO) ?? 0] };
}

/** A command as its opcode has it. `orderly`: its queues are where they belong, and its data is in no queue. */
export function chosenCommand(choices: Choices, admin: boolean, orderly: boolean, taste: Taste): SubmittedCommand {
  const prp1 = dataPointer(choices, orderly);
  const common = {
    flags: choices.chance(8) ? choices.byte() : 0,
    commandId: choices.chance(24) ? choices.u16() : choices.below(12),
    namespaceId: choices.chance(24) ? choices.word() : choices.pick([1, 1, 2, 0xffff_ffff, 0] as const),
    prp1,
    prp2: secondPointer(choices, orderly, prp1),
  };
  if (!orderly && choices.chance(24)) {
    const opcode = choices.byte();
    return {
      ...common,
      opcode,
      cdw10: choices.word(),
      cdw11: choices.word(),
      cdw12: choices.word(),
      cdw13: choices.word(),
    };
  }
  return admin ? adminCommand(choices, common, orderly, taste.admin) : ioCommand(choices, common, taste.io);
}

/** A list, the page behind the first, or anything. */
function secondPointer(choices: Choices, orderly: boolean, prp1: bigint): bigint {
  if (choices.chance(40)) return BigInt(LIST_END);
  if (choices.chance(128)) return BigInt((LIST_PAGE + choices.below(2)) * PAGE_BYTES);
  const next = (prp1 / BigInt(PAGE_BYTES) + 1n) * BigInt(PAGE_BYTES);
  return choices.chance(64) && next < BigInt((DATA_PAGE + DATA_PAGES) * PAGE_BYTES)
    ? next
    : dataPointer(choices, orderly);
}

function dataPointer(choices: Choices, orderly: boolean): bigint {
  // Behind all memory nothing is disturbed.
  if (choices.chance(12)) return BigInt(choices.pick([DATA_PAGE + DATA_PAGES, 2 ** 30] as const) * PAGE_BYTES);
  if (!orderly && choices.chance(96))
    return choices.chance(128) ? choices.long() : BigInt(choices.below(81) * PAGE_BYTES);
  const page = DATA_PAGE + choices.below(DATA_PAGES);
  return BigInt(page * PAGE_BYTES + (choices.chance(48) ? choices.u16() % PAGE_BYTES : 0));
}

type Common = Omit<SubmittedCommand, 'opcode'>;

function ioCommand(choices: Choices, common: Common, taste: readonly number[]): SubmittedCommand {
  const usual = choices.pick(choices.chance(96) ? taste : IO) ?? IoOpcode.read;
  const opcode = choices.chance(8) ? choices.byte() : usual;
  if (opcode === IoOpcode.datasetManagement) {
    return {
      ...common,
      ...(choices.chance(160) ? { prp1: BigInt(RANGES_PAGE * PAGE_BYTES) } : {}),
      opcode,
      cdw10: choices.chance(48) ? choices.word() : choices.below(4),
      cdw11: choices.chance(24) ? choices.word() : 4,
    };
  }
  return {
    ...common,
    opcode,
    cdw10: choices.chance(24) ? choices.word() : choices.below(520),
    cdw11: choices.chance(8) ? choices.word() : 0,
    cdw12: choices.chance(24)
      ? choices.word()
      : choices.below(choices.chance(64) ? 300 : 20) | (choices.chance(32) ? 0x4000_0000 : 0),
    cdw13: choices.chance(8) ? choices.word() : 0,
  };
}

function adminCommand(choices: Choices, common: Common, orderly: boolean, taste: readonly number[]): SubmittedCommand {
  const usual = choices.pick(choices.chance(128) ? taste : ADMIN) ?? AdminOpcode.identify;
  const opcode = choices.chance(8) ? choices.byte() : usual;
  const word = (plain: () => number): number => (choices.chance(24) ? choices.word() : plain());
  switch (opcode) {
    case AdminOpcode.createSubmissionQueue:
    case AdminOpcode.createCompletionQueue: {
      const id = 1 + choices.below(4);
      const submits = opcode === AdminOpcode.createSubmissionQueue;
      const place = BigInt((submits ? submissionPage(id) : completionPage(id)) * PAGE_BYTES);
      const entries = orderly ? QUEUE_ENTRIES - 1 : word(() => choices.below(70));
      return {
        ...common,
        opcode,
        prp1: orderly ? place : choices.chance(128) ? place : (common.prp1 ?? 0n),
        cdw10: ((entries << 16) | (orderly ? id : word(() => id) & 0xffff)) >>> 0,
        cdw11: submits ? word(() => (id << 16) | 1) : word(() => (choices.below(6) << 16) | choices.below(4)),
      };
    }
    case AdminOpcode.deleteSubmissionQueue:
    case AdminOpcode.deleteCompletionQueue:
      return { ...common, opcode, cdw10: word(() => choices.below(5)) };
    case AdminOpcode.abort:
      return { ...common, opcode, cdw10: word(() => choices.below(3) | (choices.below(12) << 16)) };
    case AdminOpcode.getLogPage:
      return {
        ...common,
        opcode,
        cdw10: word(() => (choices.below(9) | (choices.below(300) << 16)) >>> 0),
        cdw11: word(() => (choices.chance(24) ? choices.u16() : 0)),
        cdw12: word(() => 4 * choices.below(200)),
        cdw13: word(() => 0),
      };
    case AdminOpcode.setFeatures:
    case AdminOpcode.getFeatures:
      // Features are the controller's, and no namespace's own.
      return {
        ...common,
        opcode,
        ...chosenFeature(choices),
        ...(choices.chance(32) ? {} : { namespaceId: choices.pick([0, 0xffff_ffff] as const) }),
      };
    case AdminOpcode.identify:
      return {
        ...common,
        opcode,
        cdw10: word(() => choices.pick(IDENTIFY) | (choices.chance(64) ? choices.below(4) << 16 : 0)),
      };
    case AdminOpcode.virtualizationManagement:
      return {
        ...common,
        opcode,
        cdw10: word(() => choices.pick([7, 8, 9, 1, 2] as const) | (choices.below(3) << 8) | (choices.below(4) << 16)),
        cdw11: word(() => choices.below(6)),
      };
    case AdminOpcode.doorbellBufferConfig: {
      const pages = [12, 13].map((page) => BigInt(page * PAGE_BYTES));
      return orderly || choices.chance(128)
        ? { ...common, opcode, prp1: pages[0] ?? 0n, prp2: pages[1] ?? 0n }
        : { ...common, opcode };
    }
    case AdminOpcode.formatNvm:
      return { ...common, opcode, cdw10: word(() => choices.pick([0, 0x200, 0x400, 1] as const)) };
    default:
      return { ...common, opcode, cdw10: word(() => choices.below(5)), cdw11: word(() => choices.below(8)) };
  }
}

function queueCount(choices: Choices): number {
  return choices.chance(16) ? 0xffff : choices.below(9);
}

/** A feature by its number, with a value that it may have: which sensor, which vector, how many queues. */
function chosenFeature(choices: Choices): { readonly cdw10: number; readonly cdw11: number } {
  const id = choices.chance(16) ? choices.byte() : choices.chance(48) ? Feature.numberOfQueues : choices.pick(FEATURES);
  const above = choices.chance(32) ? choices.below(5) << 8 : 0;
  const saved = choices.chance(24) ? 0x8000_0000 : 0;
  const cdw10 = (id | above | saved) >>> 0;
  if (choices.chance(24)) return { cdw10, cdw11: choices.word() };
  switch (id) {
    case Feature.temperatureThreshold: {
      const sensor = choices.pick([0, 0xf, 1] as const);
      return { cdw10, cdw11: (choices.below(3) << 20) | (sensor << 16) | choices.pick([0, 300, 0xffff] as const) };
    }
    case Feature.interruptVectorConfiguration:
      return { cdw10, cdw11: choices.below(7) | (choices.below(2) << 16) };
    case Feature.numberOfQueues:
      return { cdw10, cdw11: (queueCount(choices) | (queueCount(choices) << 16)) >>> 0 };
    default:
      return { cdw10, cdw11: choices.chance(128) ? choices.below(2) : choices.u16() };
  }
}
