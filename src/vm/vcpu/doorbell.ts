import { EventFd, type FdWatch } from '../../linux/index.ts';
import { DOORBELL_WORDS, DoorbellWord } from './mailbox.ts';

/** What a thread needs to ring a doorbell. */
export interface DoorbellHandle {
  readonly words: SharedArrayBuffer;
  readonly eventFd: number;
}

/** How threads wake the device thread. The eventfd is written only when it sleeps. */
export class Doorbell {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #event: EventFd;

  constructor(handle: DoorbellHandle) {
    this.#words = new Int32Array(handle.words);
    this.#event = EventFd.fromFd(handle.eventFd);
  }

  /** For the device thread, which closes it. */
  static create(): { readonly doorbell: Doorbell; readonly handle: DoorbellHandle } {
    const handle = { words: new SharedArrayBuffer(DOORBELL_WORDS * 4), eventFd: EventFd.create().fd };
    return { doorbell: new Doorbell(handle), handle };
  }

  /** From any thread: the device thread looks again. */
  ring(): void {
    if (Atomics.exchange(this.#words, DoorbellWord.Asleep, 0) === 1) {
      this.#event.signal();
    }
  }

  /** From any thread: the serial port wants the device thread. */
  ringSerial(): void {
    if (Atomics.exchange(this.#words, DoorbellWord.Serial, 1) === 0) {
      this.ring();
    }
  }

  /** Whether the serial port rang since the last call. */
  takeSerial(): boolean {
    return Atomics.exchange(this.#words, DoorbellWord.Serial, 0) === 1;
  }

  /** Whether the next {@link takeSerial} will say yes. */
  serialWaits(): boolean {
    return Atomics.load(this.#words, DoorbellWord.Serial) === 1;
  }

  /** The device thread is about to sleep: it must look once more after this, for what came just before. */
  fallAsleep(): void {
    Atomics.store(this.#words, DoorbellWord.Asleep, 1);
  }

  /** Calls `awake` on the device thread's event loop whenever somebody rang while it slept. */
  onRing(awake: () => void): FdWatch {
    return this.#event.onSignal(() => awake());
  }

  close(): void {
    this.#event.close();
  }
}
