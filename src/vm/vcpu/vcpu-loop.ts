import type { Doorbell } from './doorbell.ts';
import { MailboxWord, Turn } from './mailbox.ts';

/** What a run of the vCPU ended with: 0, or the errno of KVM_RUN. */
export type RunResult = number;

/** The parts that the loop drives; the thread's entry point makes them from descriptors, tests from plain objects. */
export interface VcpuLoopParts {
  run(): RunResult;
  clearExitRequest(): void;
  /** Finishes the exit on this thread if it can: true = done. */
  finishHere(): boolean;
  readonly mailbox: Int32Array<SharedArrayBuffer>;
  readonly doorbell: Pick<Doorbell, 'ring'>;
}

const EINTR = 4;
const EAGAIN = 11;

/** Says that this thread needs nothing any more that it would have to load, and sleeps until the device thread lets it into the guest. */
export function waitForEntry({ mailbox, doorbell }: Pick<VcpuLoopParts, 'mailbox' | 'doorbell'>): void {
  Atomics.store(mailbox, MailboxWord.Turn, Turn.Loaded);
  doorbell.ring();
  while (Atomics.load(mailbox, MailboxWord.Turn) === Turn.Loaded) {
    Atomics.wait(mailbox, MailboxWord.Turn, Turn.Loaded);
  }
}

/** Stays out of the guest for as long as the device thread wants it, but never longer than it said. */
function rest(mailbox: Int32Array<SharedArrayBuffer>): void {
  const ms = Atomics.load(mailbox, MailboxWord.Rest);
  if (ms === 0 || Atomics.wait(mailbox, MailboxWord.Rest, ms, ms) !== 'timed-out') return;
  Atomics.compareExchange(mailbox, MailboxWord.Rest, ms, 0);
}

/**
 * Runs one vCPU until it is asked to stop or KVM_RUN fails. An exit that this thread can't finish is handed to the device
 * thread; this one sleeps until it has its turn again.
 */
export function vcpuLoop(parts: VcpuLoopParts): void {
  const { mailbox, doorbell } = parts;
  for (;;) {
    rest(mailbox);
    if (Atomics.load(mailbox, MailboxWord.Stop) !== 0) break;
    const errno = parts.run();
    if (errno === EINTR || errno === EAGAIN) {
      // A kick, or an application processor that was woken by INIT or SIPI. KVM doesn't clear the flag by itself.
      parts.clearExitRequest();
      continue;
    }
    if (errno !== 0) {
      Atomics.store(mailbox, MailboxWord.Error, errno);
      break;
    }
    Atomics.add(mailbox, MailboxWord.Exits, 1);
    if (parts.finishHere()) {
      continue;
    }
    Atomics.add(mailbox, MailboxWord.DeviceExits, 1);
    Atomics.store(mailbox, MailboxWord.Turn, Turn.Device);
    doorbell.ring();
    while (Atomics.load(mailbox, MailboxWord.Turn) === Turn.Device) {
      Atomics.wait(mailbox, MailboxWord.Turn, Turn.Device);
    }
  }
  Atomics.store(mailbox, MailboxWord.Turn, Turn.Ended);
  doorbell.ring();
}
