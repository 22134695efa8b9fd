import { type FdWatch, watchWritable } from './fd-watch.ts';
import { closeFile, duplicateFd, setCloseOnExec } from './libc/files.ts';
import { connectTo, createPacketSocket } from './libc/named-sockets.ts';
import { type SocketPeer, socketPeer } from './libc/unix-sockets.ts';
import { createSocketPair, maxPassedFds, receiveMessage, sendMessage } from './libc/sockets.ts';
import { WatchedFd } from './watched-fd.ts';

/** One message with the descriptors that came with it. The receiver owns them and closes them. */
export interface FdMessage {
  readonly payload: Uint8Array;
  readonly fds: readonly number[];
}

/** The sender broke the agreement on sizes. Descriptors that had arrived are closed already. */
export class FdMessageTooLongError extends Error {
  override readonly name = 'FdMessageTooLongError';
  readonly code = 'fd-message-too-long';
}

const defaultMaxBytes = 64 * 1024;

/**
 * A local socket that carries whole messages and open descriptors between two processes. Non-blocking. A child
 * inherits its end through `spawn`'s `stdio` (`['ignore', …, end.fd]`) and wraps the number it got with {@link fromFd}.
 */
export class FdSocket {
  readonly #own: WatchedFd;
  readonly #maxBytes: number;
  readonly #maxFds: number;
  #writeWatch: FdWatch | undefined;

  private constructor(fd: number, maxBytes: number, maxFds: number = maxPassedFds) {
    this.#own = new WatchedFd(fd);
    this.#maxBytes = maxBytes;
    this.#maxFds = maxFds;
  }

  get fd(): number {
    return this.#own.fd;
  }

  /** Two connected ends; `maxBytes` bounds the payload of a message that either takes. */
  static pair(maxBytes: number = defaultMaxBytes): [FdSocket, FdSocket] {
    const [one, other] = createSocketPair();
    return [new FdSocket(one, maxBytes), new FdSocket(other, maxBytes)];
  }

  /** Takes over an inherited or received descriptor, which is not handed on to children of this process. */
  static fromFd(fd: number, maxBytes: number = defaultMaxBytes): FdSocket {
    setCloseOnExec(fd, true);
    return new FdSocket(fd, maxBytes);
  }

  /**
   * Connects to an {@link FdListener}'s path, without waiting for it to accept. `nobody`: nobody listens there. `busy`: too
   * many wait already. With `maxFds` 0 no descriptor of the other end's ever gets into this process: a message with one is
   * refused as too long.
   */
  static connect(
    path: string,
    maxBytes: number = defaultMaxBytes,
    maxFds: number = maxPassedFds,
  ): FdSocket | 'nobody' | 'busy' {
    const fd = createPacketSocket();
    try {
      const outcome = connectTo(fd, path);
      if (outcome === 'connected') return new FdSocket(fd, maxBytes, maxFds);
      closeFile(fd);
      return outcome;
    } catch (error) {
      closeFile(fd);
      throw error;
    }
  }

  /** Who connected; at the end that did, who called listen. */
  get peer(): SocketPeer {
    return socketPeer(this.fd);
  }

  /**
   * Sends one message; the kernel duplicates `fds`, the caller keeps its own. `payload` holds at least one byte. False:
   * the other end isn't reading and the socket is full. Throws {@link SystemCallError} EPIPE once the other end is closed,
   * or ECONNRESET where that had messages unread.
   */
  send(payload: Uint8Array, fds: readonly number[] = []): boolean {
    if (payload.byteLength === 0)
      throw new RangeError('an empty message can not be told from the end of the connection');
    return sendMessage(this.fd, payload, fds);
  }

  /**
   * The next message; undefined when none is there; `'closed'` when the other end is gone and everything was read.
   * Throws {@link FdMessageTooLongError} for a message longer than the bound.
   */
  receive(): FdMessage | 'closed' | undefined {
    const message = receiveMessage(this.fd, this.#maxBytes, this.#maxFds);
    if (message === undefined) return undefined;
    if (message.truncated) {
      for (const fd of message.fds) closeFile(fd);
      throw new FdMessageTooLongError(
        `a message of more than ${this.#maxBytes} bytes, or more descriptors than this process may open, was refused`,
      );
    }
    return message.payload.byteLength === 0 ? 'closed' : { payload: message.payload, fds: message.fds };
  }

  /** Calls back on this thread's event loop while {@link receive} has something (also `'closed'`). One callback per object. */
  onReadable(callback: () => void): FdWatch {
    return this.#own.onReadable(callback);
  }

  /** Calls back once, when {@link send} may take something again or the other end is gone. One callback per object. */
  onceWritable(callback: () => void): void {
    this.#writeWatch?.stop();
    // One descriptor can be watched once only, and the reading end may be watched already.
    const copy = duplicateFd(this.fd);
    let done = false;
    const watch = watchWritable(copy, () => {
      finish();
      callback();
    });
    const finish = (): void => {
      if (done) return;
      done = true;
      this.#writeWatch = undefined;
      watch.stop();
      closeFile(copy);
    };
    this.#writeWatch = { keepAlive: watch.keepAlive, stop: finish };
  }

  /** Idempotent. */
  close(): void {
    this.#writeWatch?.stop();
    this.#own.close();
  }
}
