import { constants } from 'node:os';
import { type FdListener, type FdMessage, type FdSocket, SystemCallError } from '../../src/linux/index.ts';

/** One end of a socket that keeps message boundaries, without a kernel: what is sent is kept, what is to be read is put there. */
export class MemorySocket {
  readonly peer: { readonly userId: number; readonly groupId: number; readonly processId: number };
  readonly sent: Uint8Array[] = [];
  readonly incoming: (FdMessage | 'closed')[] = [];
  /** Messages that the other end hasn't read yet and that there is room for. */
  room = Number.POSITIVE_INFINITY;
  isClosed = false;
  /** The other end is gone, and sending or receiving is what tells. */
  isBroken = false;
  /** The other end reads no more, and has said more than was taken yet. */
  isDeaf = false;
  #readable: (() => void) | undefined;
  #writable: (() => void) | undefined;

  constructor(userId = 0) {
    this.peer = { userId, groupId: 0, processId: 1 };
  }

  onReadable(callback: () => void): void {
    this.#readable = callback;
  }

  onceWritable(callback: () => void): void {
    this.#writable = callback;
  }

  receive(): FdMessage | 'closed' | undefined {
    if (this.isBroken) throw new SystemCallError(constants.errno.ECONNRESET, 'recvmsg');
    return this.incoming.shift();
  }

  send(payload: Uint8Array): boolean {
    if (this.isBroken || this.isDeaf) throw new SystemCallError(constants.errno.EPIPE, 'sendmsg');
    if (this.room <= 0) return false;
    this.room -= 1;
    this.sent.push(payload.slice());
    return true;
  }

  close(): void {
    this.isClosed = true;
    this.#readable = undefined;
    this.#writable = undefined;
  }

  /** The other end has sent this. */
  deliver(payload: Uint8Array): void {
    this.incoming.push({ payload, fds: [] });
    this.#readable?.();
  }

  /** The other end is gone. */
  hangUp(): void {
    this.incoming.push('closed');
    this.#readable?.();
  }

  /** The other end has read so many messages. */
  makeRoom(count: number): void {
    this.room = count;
    const writable = this.#writable;
    this.#writable = undefined;
    writable?.();
  }

  /** As the product's types know it. */
  get asSocket(): FdSocket {
    return this as unknown as FdSocket;
  }
}

/** A listening socket to which nobody but the target connects. */
export class MemoryListener {
  #waiting: MemorySocket[] = [];
  #connected: (() => void) | undefined;

  onConnection(callback: () => void): void {
    this.#connected = callback;
  }

  accept(): FdSocket | undefined {
    return this.#waiting.shift()?.asSocket;
  }

  close(): void {
    this.#connected = undefined;
  }

  /** Undefined: whoever came is gone before it is accepted. */
  connect(socket: MemorySocket | undefined): void {
    if (socket !== undefined) this.#waiting.push(socket);
    this.#connected?.();
  }

  get asListener(): FdListener {
    return this as unknown as FdListener;
  }
}
