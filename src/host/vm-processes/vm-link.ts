import { type FdMessage, FdSocket, type FdWatch, SystemCallError } from '../../linux/index.ts';
import {
  decodeFromVm,
  encodeMessage,
  MAX_MESSAGE_BYTES,
  PROTOCOL_VERSION,
  type VmEvent,
  type VmRequest,
} from '../../vm/process/index.ts';

type Hello = Extract<VmEvent, { event: 'hello' }>;
type Reply = Exclude<ReturnType<typeof decodeFromVm>, VmEvent | undefined>;

/** What a link tells its owner. */
export interface LinkEvents {
  /** The process speaks; requests can be sent. */
  up(hello: Hello): void;
  /** What was sent and not answered won't be. `why` continues "its process …". */
  down(why: string): void;
  reply(reply: Reply): void;
  event(event: Exclude<VmEvent, Hello>): void;
}

/** A VM process may say so much in each period; then it isn't listened to until the next. It costs its manager no more. */
const MESSAGES_PER_PERIOD = 256;
const PERIOD_MS = 100;
/** How long until the next attempt to connect. */
const RETRY_MS = 200;

/**
 * The manager's end towards one VM process. It connects, and connects again for as long as it is open. What comes from the
 * process is treated as a guest's: checked, bounded, and the connection given up at the first message that makes no sense.
 */
export class VmLink {
  readonly #path: string;
  readonly #name: string;
  readonly #events: LinkEvents;
  #socket: FdSocket | undefined;
  #watch: FdWatch | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isUp = false;
  #closed = false;
  #budget = MESSAGES_PER_PERIOD;
  #periodStart = 0;

  constructor(path: string, name: string, events: LinkEvents) {
    this.#path = path;
    this.#name = name;
    this.#events = events;
    this.#connect();
  }

  /** False: the process does not read, or isn't connected; nothing was sent. The caller keeps its `fds`. */
  send(request: VmRequest, fds: readonly number[] = []): boolean {
    if (!this.#isUp || this.#socket === undefined) return false;
    try {
      return this.#socket.send(encodeMessage(request), fds);
    } catch (error) {
      if (!isHungUp(error)) throw error;
      this.#lost('has closed the connection');
      return false;
    }
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#disconnect();
  }

  #connect(): void {
    if (this.#closed) return;
    const socket = FdSocket.connect(this.#path, MAX_MESSAGE_BYTES, 0);
    if (!(socket instanceof FdSocket)) {
      this.#retry();
      return;
    }
    this.#socket = socket;
    this.#listen();
  }

  #listen(): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#watch = socket.onReadable(() => this.#read(socket));
  }

  #read(socket: FdSocket): void {
    while (this.#socket === socket) {
      if (!this.#mayListen()) return;
      const message = receive(socket);
      if (message === undefined) return;
      if (message === 'closed') {
        this.#lost('has closed the connection');
        return;
      }
      this.#take(message === 'senseless' ? undefined : decodeFromVm(message.payload));
    }
  }

  #take(message: ReturnType<typeof decodeFromVm>): void {
    if (message === undefined) {
      this.#lost('said something that makes no sense');
    } else if ('reply' in message) {
      this.#events.reply(message);
    } else if (message.event !== 'hello') {
      if (this.#isUp) this.#events.event(message);
    } else if (message.version !== PROTOCOL_VERSION || message.name !== this.#name) {
      this.#lost(`speaks version ${message.version} of the protocol, for ${message.name.slice(0, 32)}`);
    } else {
      this.#isUp = true;
      this.#events.up(message);
    }
  }

  /** False: it has said enough for now, and will be listened to again by itself. */
  #mayListen(): boolean {
    const now = performance.now();
    if (now - this.#periodStart >= PERIOD_MS) {
      this.#periodStart = now;
      this.#budget = MESSAGES_PER_PERIOD;
    }
    this.#budget -= 1;
    if (this.#budget >= 0) return true;
    this.#watch?.stop();
    this.#timer = setTimeout(() => this.#listen(), PERIOD_MS);
    return false;
  }

  #lost(why: string): void {
    this.#disconnect();
    this.#events.down(why);
    this.#retry();
  }

  #disconnect(): void {
    clearTimeout(this.#timer);
    this.#isUp = false;
    this.#socket?.close();
    this.#socket = undefined;
  }

  #retry(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => this.#connect(), RETRY_MS);
  }
}

function receive(socket: FdSocket): FdMessage | 'closed' | 'senseless' | undefined {
  try {
    return socket.receive();
  } catch (error) {
    if (isHungUp(error)) return 'closed';
    if (error instanceof Error && 'code' in error && error.code === 'fd-message-too-long') return 'senseless';
    throw error;
  }
}

function isHungUp(error: unknown): boolean {
  return error instanceof SystemCallError && (error.code === 'EPIPE' || error.code === 'ECONNRESET');
}
