import type { VmbusLogEntry } from './event-log.ts';

/** What VMBus needs of the partition it serves. Calls must not come back into VMBus before they return. */
export interface VmbusPort {
  /**
   * Sends a message to SINT 2 of `vp`: into the slot if it is free, else queued behind what waits. The bytes of `payload`
   * (at most 240) are VMBus's to keep; copy them.
   */
  postMessage(vp: number, messageType: number, payload: Uint8Array): void;
  /** How many posted messages, of all VPs, have not reached a slot yet. */
  pendingMessages(): number;
  /** Forgets those: a guest that restarted must not see what was meant for its forerunner. */
  discardMessages(): void;
  /** Sets event flag `flag` of SINT 2 of `vp` and interrupts it. */
  signalEvent(vp: number, flag: number): void;
  /** A guest has connected: it drives what is offered to it. */
  connected(): void;
  /** Runs `work` in a later turn of this thread. */
  schedule(work: () => void): void;
  /** For the person who runs the VM. Rate-limited already. */
  log(entry: VmbusLogEntry): void;
}
