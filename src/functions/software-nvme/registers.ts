/**
 * Registers of an NVMe controller: offsets in BAR 0, and their fields. NVM Express Base Specification 1.4, 3.1 and figures 68
 * to 82.
 */
export const NvmeRegister = {
  capabilities: 0x00,
  version: 0x08,
  interruptMaskSet: 0x0c,
  interruptMaskClear: 0x10,
  configuration: 0x14,
  status: 0x1c,
  adminQueueAttributes: 0x24,
  adminSubmissionQueue: 0x28,
  adminCompletionQueue: 0x30,
} as const;

/** Where the doorbells begin; with a stride of 0 each takes 4 bytes. */
export const doorbellsOffset = 0x1000;
export const doorbellBytes = 4;
/** All that lies before the doorbells and is no register reads 0. */
export const registersEnd = 0x1000;

/** Where this controller keeps its MSI-X table and pending bits: pages of their own, so that a guest's reads of them cost no exit. */
export const msixTableOffset = 0x2000;
export const msixPendingOffset = 0x3000;
export const barBytes = 0x4000;

/** CC, figure 78. */
export const Configuration = {
  enable: 0x1,
  commandSetShift: 4,
  commandSetMask: 0x7,
  pageSizeShift: 7,
  pageSizeMask: 0xf,
  arbitrationShift: 11,
  arbitrationMask: 0x7,
  shutdownShift: 14,
  shutdownMask: 0x3,
  submissionEntryShift: 16,
  completionEntryShift: 20,
  entryMask: 0xf,
  writable: 0x00ff_fff1,
} as const;

/** CSTS, figure 79. */
export const ControllerStatus = {
  ready: 0x1,
  fatal: 0x2,
  shutdownShift: 2,
  shutdownMask: 0x3,
} as const;
export const ShutdownState = { none: 0, underWay: 1, complete: 2 } as const;

export const nvmeVersion = 0x0001_0400;
/** Entries of the largest queue. */
export const maxQueueEntries = 1024;
/** Of an admin queue; AQA has 12 bits for each, figure 80. */
export const maxAdminQueueEntries = 4096;
/** How long a driver waits for CSTS.RDY at the most, in units of 500 ms: what was under way at the storage comes to its end before. */
const readyTimeout = 60;

/**
 * CAP, figure 69: queues lie in one piece (CQR), round robin alone (AMS), doorbells without gaps (DSTRD), the NVM command set
 * (CSS bit 37), pages of 4096 bytes (MPSMIN, MPSMAX), no subsystem reset.
 */
export const capabilities: bigint =
  BigInt(maxQueueEntries - 1) | (1n << 16n) | (BigInt(readyTimeout) << 24n) | (1n << 37n);

export const pageBytes = 4096;
/** The largest transfer of a command: 2⁷ pages (MDTS, figure 247). */
export const maxTransferShift = 7;
export const maxTransferBytes = pageBytes << maxTransferShift;
