import type { FdWatch } from '../../linux/index.ts';
import type { Doorbell } from './doorbell.ts';
import { MailboxWord, Turn } from './mailbox.ts';

/** After this many exits and serial rings in a row the device thread looks at its other events, so that no guest can starve them. */
const EXITS_PER_TURN = 64;

export interface DeviceLoopOptions {
  readonly doorbell: Doorbell;
  readonly mailboxes: readonly Int32Array<SharedArrayBuffer>[];
  /** Finishes the exit of vCPU `index`; its run page is this thread's until this returns. */
  serve(index: number): void;
  /** The serial port has output, or room for input. */
  serial(): void;
  /** vCPU `index`'s thread has ended; `errno` is 0 when it was asked to. */
  ended(index: number, errno: number): void;
  /** All threads that wait for their entry do so; none has been in the guest. Once. */
  loaded?(): void;
}

/** The device thread's side of the exits: serves whichever vCPU has its turn with us, sleeps while none has. */
export class DeviceLoop {
  /** Resolves when every vCPU thread has ended; rejects with what {@link DeviceLoopOptions.serve} throws, or with the error of {@link fail}. */
  readonly done: Promise<void>;
  readonly #options: DeviceLoopOptions;
  readonly #live: Set<number>;
  /** Those that wait for their entry, or did. */
  readonly #loaded = new Set<number>();
  readonly #watch: FdWatch;
  readonly #done = Promise.withResolvers<void>();
  #over = false;

  constructor(options: DeviceLoopOptions) {
    this.#options = options;
    this.#live = new Set(options.mailboxes.keys());
    this.done = this.#done.promise;
    this.#watch = options.doorbell.onRing(() => this.#turn());
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    if (this.#over) {
      return;
    }
    try {
      let served = 0;
      for (;;) {
        const found = this.#look();
        served += found;
        if (this.#live.size === 0) {
          this.#finish();
          return;
        }
        if (served >= EXITS_PER_TURN) {
          setImmediate(() => this.#turn());
          return;
        }
        if (found === 0) {
          this.#options.doorbell.fallAsleep();
          // What came between the look and the flag rang nobody.
          if (!this.#somethingWaits()) {
            return;
          }
        }
      }
    } catch (error) {
      this.fail(error);
    }
  }

  /** Ends the loop: {@link done} rejects. */
  fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.#watch.stop();
    this.#done.reject(error);
  }

  #finish(): void {
    this.#over = true;
    this.#watch.stop();
    this.#done.resolve();
  }

  #somethingWaits(): boolean {
    if (this.#options.doorbell.serialWaits()) {
      return true;
    }
    for (const index of this.#live) {
      const mailbox = this.#options.mailboxes[index];
      const turn = mailbox === undefined ? Turn.Vcpu : Atomics.load(mailbox, MailboxWord.Turn);
      if (turn !== Turn.Vcpu && !(turn === Turn.Loaded && this.#loaded.has(index))) {
        return true;
      }
    }
    return false;
  }

  #look(): number {
    const { doorbell, mailboxes } = this.#options;
    let served = 0;
    if (doorbell.takeSerial()) {
      this.#options.serial();
      served += 1;
    }
    for (const index of this.#live) {
      const mailbox = mailboxes[index];
      if (mailbox === undefined) {
        continue;
      }
      const turn = Atomics.load(mailbox, MailboxWord.Turn);
      if (turn === Turn.Device) {
        this.#options.serve(index);
        Atomics.store(mailbox, MailboxWord.Turn, Turn.Vcpu);
        Atomics.notify(mailbox, MailboxWord.Turn);
        served += 1;
      } else if (turn === Turn.Ended) {
        this.#live.delete(index);
        this.#options.ended(index, Atomics.load(mailbox, MailboxWord.Error));
      } else if (turn === Turn.Loaded && !this.#loaded.has(index)) {
        this.#loaded.add(index);
        served += 1;
        if (this.#loaded.size === mailboxes.length) this.#options.loaded?.();
      }
    }
    return served;
  }
}
