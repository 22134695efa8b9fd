/**
 * Status of a completed command: status code type in bits 10:8, status code in bits 7:0. NVM Express Base Specification 1.4,
 * 4.6.1 and figures 126 to 131.
 */
export const NvmeStatus = {
  success: 0x000,
  invalidOpcode: 0x001,
  invalidField: 0x002,
  commandIdConflict: 0x003,
  dataTransferError: 0x004,
  internalError: 0x006,
  abortRequested: 0x007,
  abortedByQueueDeletion: 0x008,
  invalidNamespaceOrFormat: 0x00b,
  commandSequenceError: 0x00c,
  invalidPrpOffset: 0x013,
  namespaceWriteProtected: 0x020,
  lbaOutOfRange: 0x080,
  formatInProgress: 0x084,
  completionQueueInvalid: 0x100,
  invalidQueueIdentifier: 0x101,
  invalidQueueSize: 0x102,
  eventRequestLimitExceeded: 0x105,
  invalidInterruptVector: 0x108,
  invalidLogPage: 0x109,
  invalidFormat: 0x10a,
  invalidQueueDeletion: 0x10c,
  featureNotSaveable: 0x10d,
  featureNotNamespaceSpecific: 0x10f,
  writeFault: 0x280,
  unrecoveredReadError: 0x281,
  compareFailure: 0x285,
} as const;
export type NvmeStatus = (typeof NvmeStatus)[keyof typeof NvmeStatus];
