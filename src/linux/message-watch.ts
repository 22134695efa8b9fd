import type { FdWatch } from './fd-watch.ts';
import { WatchedFd } from './watched-fd.ts';

/** A descriptor that the kernel puts one message after the other into, read until it is closed. Its owner reads; this watches. */
export class MessageWatch<T> {
  readonly #own: WatchedFd;
  readonly #read: () => T | undefined;
  readonly #perTurn: number;

  /** Takes `fd` over. `read` gives the next message, undefined: none; `perTurn` are read before other events get their turn. */
  constructor(fd: number, perTurn: number, read: () => T | undefined) {
    this.#own = new WatchedFd(fd);
    this.#perTurn = perTurn;
    this.#read = read;
  }

  get fd(): number {
    return this.#own.fd;
  }

  /** Calls back on this thread's event loop with each message. One callback per object. */
  onMessage(callback: (message: T) => void): FdWatch {
    return this.#own.onReadable(() => {
      for (let count = 0; count < this.#perTurn && !this.#own.isClosed; count++) {
        const message = this.#read();
        if (message === undefined) return;
        callback(message);
      }
    });
  }

  /** Idempotent. */
  close(): void {
    this.#own.close();
  }
}
