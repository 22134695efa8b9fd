import { type FdWatch, watchReadable } from './fd-watch.ts';
import { closeFile } from './libc/files.ts';

/** A descriptor with one owner, who watches it on this thread's event loop until it is closed. */
export class WatchedFd {
  readonly fd: number;
  #watch: FdWatch | undefined;
  #closed = false;

  /** Takes `fd` over. */
  constructor(fd: number) {
    this.fd = fd;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** As {@link watchReadable}; an earlier watch ends. */
  onReadable(callback: () => void): FdWatch {
    this.#watch?.stop();
    this.#watch = watchReadable(this.fd, callback);
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
