import { AdminOpcode, IoOpcode } from '../../src/functions/software-nvme/command.ts';
import type { Choices } from '../engine/choices.ts';

const PAGE_BYTES = 4096;
/** Of every queue of the fuzzed guest. */
export const QUEUE_ENTRIES = 8;
/** From this page on there is nothing but data. */
export const DATA_PAGE = 16;
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

/** A command as its opcode has it. `orderly`: its queues are where they belong, and its data is in no queue. */
export function chosenCommand(choices: Choices, admin: boolean, orderly: boolean): SubmittedCommand {
  const common = {
    flags: choices.chance(8) ? choices.byte() : 0,
    commandId: choices.chance(24) ? choices.u16() : choices.below(12),
    namespaceId: choices.chance(24) ? choices.word() : choices.pick([1, 1, 2, 0xffff_ffff, 0] as const),
    prp1: dataPointer(choices, orderly),
    prp2: choices.chance(40)
      ? BigInt(LIST_END)
      : choices.chance(128)
        ? BigInt((LIST_PAGE + choices.below(2)) * PAGE_BYTES)
        : dataPointer(choices, orderly),
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
  return admin ? adminCommand(choices, common, orderly) : ioCommand(choices, common);
}

function dataPointer(choices: Choices, orderly: boolean): bigint {
  if (!orderly && choices.chance(96))
    return choices.chance(128) ? choices.long() : BigInt(choices.below(81) * PAGE_BYTES);
  const page = DATA_PAGE + choices.below(DATA_PAGES);
  return BigInt(page * PAGE_BYTES + (choices.chance(48) ? choices.u16() % PAGE_BYTES : 0));
}

type Common = Omit<SubmittedCommand, 'opcode'>;

function ioCommand(choices: Choices, common: Common): SubmittedCommand {
  const opcode = choices.chance(8) ? choices.byte() : (choices.pick(IO) ?? IoOpcode.read);
  if (opcode === IoOpcode.datasetManagement) {
    return {
      ...common,
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

function adminCommand(choices: Choices, common: Common, orderly: boolean): SubmittedCommand {
  const opcode = choices.chance(8) ? choices.byte() : (choices.pick(ADMIN) ?? AdminOpcode.identify);
  const word = (usual: () => number): number => (choices.chance(24) ? choices.word() : usual());
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

/** A feature by its number, with a value that it may have: which sensor, which vector, how many queues. */
function chosenFeature(choices: Choices): { readonly cdw10: number; readonly cdw11: number } {
  const id = choices.chance(16) ? choices.byte() : choices.chance(48) ? Feature.numberOfQueues : choices.pick(FEATURES);
  const above = choices.chance(32) ? choices.below(5) << 8 : 0;
  const saved = choices.chance(12) ? 0x8000_0000 : 0;
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
      return { cdw10, cdw11: choices.below(9) | (choices.below(9) << 16) };
    default:
      return { cdw10, cdw11: choices.chance(128) ? choices.below(2) : choices.u16() };
  }
}
