import { type FdSocket, SystemCallError } from '../../linux/index.ts';
import type { TraceReader } from '../../trace/index.ts';
import type { ConsoleRing } from './console-ring.ts';
import { encodeMessage, MAX_CONSOLE_BYTES, MAX_MESSAGE_BYTES, type VmEvent, type VmReply } from './protocol.ts';

/** So many messages may wait for a manager that doesn't read; with one more it is given up, and must connect again. */
const MAX_WAITING = 256;
/** Of a trace in one message, unless one record is longer. */
const TRACE_BYTES = 16 * 1024;

/**
 * What is on its way to one manager. Replies and events wait in a short queue; console output waits in the guest's ring and
 * is taken from there when there is room, so that a slow manager misses output, and costs nothing.
 */
export class Outbox {
  readonly #socket: FdSocket;
  readonly #ring: ConsoleRing;
  readonly #lost: () => void;
  #waiting: Uint8Array[] = [];
  /** Output before this was sent; undefined: none is wanted. */
  #consoleFrom: number | undefined;
  #trace: TraceReader | undefined;
  /** Records that there was no room for: they are nowhere else. */
  #unsentTrace: Uint8Array | undefined;
  #full = false;
  #closed = false;

  /** `lost`: the manager is gone, or has not read for too long. */
  constructor(socket: FdSocket, ring: ConsoleRing, lost: () => void) {
    this.#socket = socket;
    this.#ring = ring;
    this.#lost = lost;
  }

  post(message: VmReply | VmEvent): void {
    if (this.#closed) return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.#giveUp();
      return;
    }
    const bytes = encodeMessage(message);
    if (bytes.byteLength > MAX_MESSAGE_BYTES) {
      throw new RangeError(`a message of ${bytes.byteLength} bytes is longer than the protocol allows`);
    }
    this.#waiting.push(bytes);
    this.flush();
  }

  /** Sends console output from offset `from` on, now and as it comes. */
  followConsole(from: number): void {
    this.#consoleFrom = Math.min(from, this.#ring.totalBytes);
    this.flush();
  }

  /** Sends what `reader` gives, now and as it comes; undefined: no longer. */
  followTrace(reader: TraceReader | undefined): void {
    this.#trace?.close();
    this.#trace = this.#closed ? undefined : reader;
    if (this.#closed) reader?.close();
    this.#unsentTrace = undefined;
    this.flush();
  }

  /** Whether a trace is followed. */
  get tracing(): boolean {
    return this.#trace !== undefined;
  }

  /** Sends what there is room for. */
  flush(): void {
    while (!this.#full && !this.#closed) {
      const first = this.#waiting[0];
      if (first !== undefined) {
        if (this.#send(first)) this.#waiting.shift();
      } else if (!this.#sendConsole() && !this.#sendTrace()) {
        return;
      }
    }
  }

  /** Whether everything was sent. */
  get empty(): boolean {
    return this.#closed || (this.#waiting.length === 0 && !this.#full);
  }

  close(): void {
    this.#closed = true;
    this.#waiting = [];
    this.#trace?.close();
    this.#trace = undefined;
  }

  /** False: there is none, or no room for it. */
  #sendConsole(): boolean {
    if (this.#consoleFrom === undefined) return false;
    const chunk = this.#ring.read(this.#consoleFrom, MAX_CONSOLE_BYTES);
    if (chunk === undefined) return false;
    const data = Buffer.from(chunk.bytes).toString('base64');
    if (!this.#send(encodeMessage({ event: 'console', offset: chunk.offset, data }))) return false;
    this.#consoleFrom = chunk.offset + chunk.bytes.byteLength;
    return true;
  }

  /** False: there is nothing new, or no room for it. */
  #sendTrace(): boolean {
    if (this.#full || this.#closed) return false;
    this.#unsentTrace ??= this.#encodeTrace();
    if (this.#unsentTrace === undefined || !this.#send(this.#unsentTrace)) return false;
    this.#unsentTrace = undefined;
    return true;
  }

  #encodeTrace(): Uint8Array | undefined {
    const chunk = this.#trace?.read(TRACE_BYTES);
    if (chunk === undefined) return undefined;
    const records = Buffer.from(chunk.records).toString('base64');
    return encodeMessage({ event: 'trace', records, lost: chunk.lost });
  }

  #send(bytes: Uint8Array): boolean {
    try {
      if (this.#socket.send(bytes)) return true;
    } catch (error) {
      if (!isHungUp(error)) throw error;
      this.#giveUp();
      return false;
    }
    this.#full = true;
    this.#socket.onceWritable(() => {
      this.#full = false;
      this.flush();
    });
    return false;
  }

  #giveUp(): void {
    this.close();
    this.#lost();
  }
}

/** The other end is gone: nobody's fault. */
export function isHungUp(error: unknown): boolean {
  return error instanceof SystemCallError && (error.code === 'EPIPE' || error.code === 'ECONNRESET');
}
