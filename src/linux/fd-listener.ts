import { FdSocket } from './fd-socket.ts';
import type { FdWatch } from './fd-watch.ts';
import { closeFile, setCloseOnExec } from './libc/files.ts';
import { acceptConnection, bindAndListen, createPacketSocket } from './libc/named-sockets.ts';
import { WatchedFd } from './watched-fd.ts';

/** How many connections may wait until they are accepted. */
const defaultBacklog = 8;

/**
 * Where other processes connect by a path of the file system, each getting an {@link FdSocket}. Only the file's permissions
 * and those of its directory say who may: {@link FdSocket.peer} tells who did.
 */
export class FdListener {
  readonly #own: WatchedFd;

  private constructor(fd: number) {
    this.#own = new WatchedFd(fd);
  }

  get fd(): number {
    return this.#own.fd;
  }

  /** Makes `path`, which must not be there yet. Throws {@link SystemCallError}, EADDRINUSE if it is. */
  static bind(path: string, backlog: number = defaultBacklog): FdListener {
    const fd = createPacketSocket();
    try {
      bindAndListen(fd, path, backlog);
      return new FdListener(fd);
    } catch (error) {
      closeFile(fd);
      throw error;
    }
  }

  /** Takes over an inherited or received descriptor that listens, which is not handed on to children of this process. */
  static fromFd(fd: number): FdListener {
    setCloseOnExec(fd, true);
    return new FdListener(fd);
  }

  /** The connection that waits longest; undefined: none does. `maxBytes` as in {@link FdSocket.pair}. */
  accept(maxBytes?: number): FdSocket | undefined {
    const fd = acceptConnection(this.fd);
    return fd === undefined ? undefined : FdSocket.fromFd(fd, maxBytes);
  }

  /** Calls back on this thread's event loop while {@link accept} has something. One callback per object. */
  onConnection(callback: () => void): FdWatch {
    return this.#own.onReadable(callback);
  }

  /** The path stays: whoever made it removes it. Idempotent. */
  close(): void {
    this.#own.close();
  }
}
