/** NVM Express Base Specification 1.4: section 3.1 (registers), 4.6 (completions), 5 and 6 (commands). */

export const NVME_CLASS = { baseClass: 0x01, subClass: 0x08, programmingInterface: 0x02 } as const;

/** Offsets in BAR 0. */
export const Register = {
  capabilities: 0x00,
  configuration: 0x14,
  status: 0x1c,
  adminQueueSizes: 0x24,
  adminSubmission: 0x28,
  adminCompletion: 0x30,
  doorbells: 0x1000,
} as const;

/** Controller configuration: enabled, entries of 64 and 16 bytes; a normal shutdown. */
export const Configuration = { enabled: 1 | (6 << 16) | (4 << 20), normalShutdown: 1 << 14 } as const;

export const Status = { ready: 1, fatal: 2, shutdownMask: 0xc, shutdownComplete: 0x8 } as const;
/** Every register of a function that isn't there. */
export const GONE = 0xffff_ffff;

export const AdminOpcode = {
  deleteSubmissionQueue: 0x00,
  createSubmissionQueue: 0x01,
  deleteCompletionQueue: 0x04,
  createCompletionQueue: 0x05,
  identify: 0x06,
  setFeatures: 0x09,
} as const;

export const IoOpcode = { flush: 0x00, write: 0x01, read: 0x02 } as const;

/** What Identify is asked for. */
export const IdentifyStructure = { namespace: 0, controller: 1, activeNamespaces: 2 } as const;

export const NUMBER_OF_QUEUES_FEATURE = 0x07;

export const PAGE_BYTES = 4096;
export const SUBMISSION_ENTRY_BYTES = 64;
export const COMPLETION_ENTRY_BYTES = 16;
