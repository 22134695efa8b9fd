/** Opcodes, NVM Express Base Specification 1.4, figure 139 (admin) and figure 346 (NVM command set). */
export const AdminOpcode = {
  deleteSubmissionQueue: 0x00,
  createSubmissionQueue: 0x01,
  getLogPage: 0x02,
  deleteCompletionQueue: 0x04,
  createCompletionQueue: 0x05,
  identify: 0x06,
  abort: 0x08,
  setFeatures: 0x09,
  getFeatures: 0x0a,
  asyncEventRequest: 0x0c,
  virtualizationManagement: 0x1c,
  doorbellBufferConfig: 0x7c,
  formatNvm: 0x80,
} as const;

export const IoOpcode = {
  flush: 0x00,
  write: 0x01,
  read: 0x02,
  compare: 0x05,
  writeZeroes: 0x08,
  datasetManagement: 0x09,
} as const;

export const submissionEntryBytes = 64;
export const submissionEntryDwords = submissionEntryBytes / 4;
export const completionEntryBytes = 16;
export const completionEntryDwords = completionEntryBytes / 4;
/** "All namespaces", where a command takes that. */
export const allNamespaces = 0xffff_ffff;

/** A command as it was copied from guest memory, decoded once. Figures 104 and 105. */
export interface NvmeCommand {
  readonly opcode: number;
  /** FUSE: 0 = by itself. */
  readonly fused: number;
  /** PSDT: 0 = physical region pages. */
  readonly dataPointerKind: number;
  readonly commandId: number;
  readonly namespaceId: number;
  readonly prp1: GuestAddress;
  readonly prp2: GuestAddress;
  readonly cdw10: number;
  readonly cdw11: number;
  readonly cdw12: number;
  readonly cdw13: number;
}

/** Ends a command, once. `result`: dword 0 of its completion, 0 unless it is given. */
export type Respond = (status: number, result?: number) => void;

/** A 64-bit address in two halves: no guest's RAM lies where a number would not be exact, and offsets are in the low half. */
export interface GuestAddress {
  readonly low: number;
  readonly high: number;
}

/** As a number; from 2⁵³ on it is rounded, and no memory lies there. */
export function addressValue({ low, high }: GuestAddress): number {
  return high * 2 ** 32 + low;
}

/** `dwords`: the {@link submissionEntryDwords} of an entry. */
export function decodeCommand(dwords: Uint32Array): NvmeCommand {
  const dword = (index: number): number => dwords[index] ?? 0;
  const first = dword(0);
  return {
    opcode: first & 0xff,
    fused: (first >>> 8) & 0x3,
    dataPointerKind: (first >>> 14) & 0x3,
    commandId: first >>> 16,
    namespaceId: dword(1),
    prp1: { low: dword(6), high: dword(7) },
    prp2: { low: dword(8), high: dword(9) },
    cdw10: dword(10),
    cdw11: dword(11),
    cdw12: dword(12),
    cdw13: dword(13),
  };
}

/** Where a completion queue entry has its fields, in dwords; 1 is reserved. Figures 122 to 125. */
export const CompletionDword = { result: 0, submission: 2, status: 3 } as const;

/** Of dword {@link CompletionDword.submission}: which queue, and where its head is. */
export function completionSubmission(queueId: number, head: number): number {
  return (head & 0xffff) | (queueId << 16);
}

/** Of dword {@link CompletionDword.status}: with an error the log tells more. */
export function completionStatus(commandId: number, phase: 0 | 1, status: number): number {
  const more = status === 0 ? 0 : 0x4000;
  return commandId | ((phase | (status << 1) | more) << 16);
}
