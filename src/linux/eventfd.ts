import type { FdWatch } from './fd-watch.ts';
import { createEventFd, readFile, signalEventFd } from './libc/files.ts';
import { WatchedFd } from './watched-fd.ts';

/**
 * A kernel counter that threads, processes, KVM (irqfd) and VFIO (interrupts) signal and wait for through a descriptor.
 * Non-blocking.
 */
export class EventFd {
  readonly #own: WatchedFd;
  readonly #count = new Uint8Array(8);
  readonly #countView = new DataView(this.#count.buffer);

  private constructor(fd: number) {
    this.#own = new WatchedFd(fd);
  }

  get fd(): number {
    return this.#own.fd;
  }

  static create(): EventFd {
    return new EventFd(createEventFd());
  }

  /** Takes over a descriptor that came from another process or thread. It must be non-blocking, as {@link create}'s is. */
  static fromFd(fd: number): EventFd {
    return new EventFd(fd);
  }

  /** Adds one. At the count's end (2^64 − 2 signals that nobody drained) it stays there: it is signalled anyway. */
  signal(): void {
    signalEventFd(this.fd);
  }

  /** Signals since the last drain; 0n for none. */
  drain(): bigint {
    if (readFile(this.fd, this.#count) === undefined) return 0n;
    return this.#countView.getBigUint64(0, true);
  }

  /**
   * From now on drains on this thread's event loop and calls `callback` with the count each time there were signals.
   * One callback per object. The watch keeps the process running unless told otherwise by {@link FdWatch.keepAlive}.
   */
  onSignal(callback: (count: bigint) => void): FdWatch {
    return this.#own.onReadable(() => {
      const count = this.drain();
      if (count > 0n) callback(count);
    });
  }

  /** Idempotent. */
  close(): void {
    this.#own.close();
  }
}
