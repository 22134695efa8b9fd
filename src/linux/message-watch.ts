import { type FdWatch, watchReadable } from './fd-watch.ts';
import { closeFile } from './libc/files.ts';

/** A descriptor that the kernel puts one message after the other into, read until it is closed. Its owner reads; this watches. */
export class MessageWatch<T> {
  readonly fd: number;
  readonly #read: () => T | undefined;
  readonly #perTurn: number;
  #watch: FdWatch | undefined;
  #closed = false;

  /** Takes `fd` over. `read` gives the next message, undefined: none; `perTurn` are read before other events get their turn. */
  constructor(fd: number, perTurn: number, read: () => T | undefined) {
    this.fd = fd;
    this.#perTurn = perTurn;
    this.#read = read;
  }

  /** Calls back on this thread's event loop with each message. One callback per object. */
  onMessage(callback: (message: T) => void): FdWatch {
    this.#watch?.stop();
    this.#watch = watchReadable(this.fd, () => {
      for (let count = 0; count < this.#perTurn && !this.#closed; count++) {
        const message = this.#read();
        if (message === undefined) return;
        callback(message);
      }
    });
    return this.#watch;
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch?.stop();
    closeFile(this.fd);
  }
}
