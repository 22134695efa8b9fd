import type { FdWatch } from './fd-watch.ts';
import { openPidFd, signalPidFd } from './libc/pidfd.ts';
import { waitReadable } from './libc/poll.ts';
import { WatchedFd } from './watched-fd.ts';

/**
 * One process of this machine, be it a child or not, held by a pidfd: a later process of the same id is never mistaken for
 * it. Who takes an id from a file opens the handle first and then looks at the process's start time.
 */
export class ProcessHandle {
  readonly processId: number;
  readonly #own: WatchedFd;

  private constructor(processId: number, fd: number) {
    this.processId = processId;
    this.#own = new WatchedFd(fd);
  }

  /** Undefined: there is no process of that id. */
  static open(processId: number): ProcessHandle | undefined {
    const fd = openPidFd(processId);
    return fd === undefined ? undefined : new ProcessHandle(processId, fd);
  }

  /** Takes over a pidfd that another thread of this process opened. */
  static fromFd(processId: number, fd: number): ProcessHandle {
    return new ProcessHandle(processId, fd);
  }

  /** Whether all its threads have ended and the kernel has closed what it held, be it collected by its parent or not. */
  get hasEnded(): boolean {
    return waitReadable([this.#own.fd], 0)?.length === 1;
  }

  /** Sends a signal; a stopped process, too, ends of SIGKILL. False: it has ended, and was collected. */
  signal(signal: number): boolean {
    return signalPidFd(this.#own.fd, signal);
  }

  /** Calls back once on this thread's event loop when it has ended. One callback per object. */
  onEnd(callback: () => void): FdWatch {
    const watch = this.#own.onReadable(() => {
      watch.stop();
      callback();
    });
    return watch;
  }

  /** Lets go of the handle, not of the process. Idempotent. */
  close(): void {
    this.#own.close();
  }
}
