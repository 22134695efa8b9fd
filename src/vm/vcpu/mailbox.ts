/**
 * The words that a vCPU's thread and the device thread share, beside the vCPU's run page. One mailbox a vCPU; one
 * doorbell a VM.
 */

/** Where a vCPU's exit is. Stored in word {@link MailboxWord.Turn}. */
export const Turn = {
  /** The vCPU thread has it: it is in the guest, or finishes the exit itself. */
  Vcpu: 0,
  /** The device thread has it: the run page holds an exit to finish; the vCPU thread sleeps on this word. */
  Device: 1,
  /** The vCPU thread has ended and touches nothing any more. */
  Ended: 2,
  /** The vCPU thread has loaded all that it needs and has not been in the guest yet; it sleeps on this word until it is let in. */
  Loaded: 3,
} as const;

export const MailboxWord = {
  Turn: 0,
  /** 1: the device thread wants the vCPU thread to end. */
  Stop: 1,
  /** The thread's Linux thread id, 0 until it is known: where a kick goes. */
  ThreadId: 2,
  /** errno of the KVM_RUN that ended the thread; 0 = asked to stop. */
  Error: 3,
  /** Exits to user space since the start, and of those the ones that the device thread had to finish. Wrap at 2^32. */
  Exits: 4,
  DeviceExits: 5,
  /** How many milliseconds the thread stays out of the guest when it comes by, at the most; 0: none. Woken when it may go on. */
  Rest: 6,
} as const;

export const MAILBOX_WORDS = 8;

export const DoorbellWord = {
  /** 1: the device thread is in its event loop, and hears only of what is written to the doorbell's eventfd. */
  Asleep: 0,
  /** 1: the serial port has output to drain, or room for input. */
  Serial: 1,
} as const;

export const DOORBELL_WORDS = 4;
