import { closeFile, type FdListener, type FdMessage, type FdSocket } from '../../linux/index.ts';
import type { TraceReader } from '../../trace/index.ts';
import type { ConsoleRing } from './console-ring.ts';
import { isHungUp, Outbox } from './outbox.ts';
import {
  decodeRequest,
  MAX_MESSAGE_BYTES,
  PROTOCOL_VERSION,
  type VmEvent,
  type VmReply,
  type VmRequest,
} from './protocol.ts';
import type { VmProcessSpec } from './spec.ts';
import { VmProcessError } from './vm-process-error.ts';

/** How many requests are answered before other events get their turn. */
const REQUESTS_PER_TURN = 16;

export interface ManagerLinkOptions {
  readonly name: string;
  readonly dma: VmProcessSpec['dma'];
  readonly managerUserId: number;
  readonly ring: ConsoleRing;
  /** As `VirtualMachine.openTrace`. */
  openTrace(grown: () => void): TraceReader;
  /** Answers a request, or throws; or promises to. It owns `fds`. */
  answer(request: VmRequest, fds: readonly number[]): unknown;
  /** What a manager that has just connected must be told again. */
  recall(): readonly VmEvent[];
}

interface Connection {
  readonly socket: FdSocket;
  readonly outbox: Outbox;
}

/** The VM process's end towards its manager: the newest connection is the manager's, and there need be none. */
export class ManagerLink {
  readonly #options: ManagerLinkOptions;
  readonly #listener: FdListener;
  #connection: Connection | undefined;

  constructor(listener: FdListener, options: ManagerLinkOptions) {
    this.#options = options;
    this.#listener = listener;
    listener.onConnection(() => this.#accept());
  }

  /** Tells the manager, if there is one. */
  tell(event: VmEvent): void {
    this.#connection?.outbox.post(event);
  }

  /** There is new console output. */
  consoleGrew(): void {
    this.#connection?.outbox.flush();
  }

  /** Whether the manager, if there is one, was sent everything. */
  get idle(): boolean {
    return this.#connection?.outbox.empty ?? true;
  }

  close(): void {
    this.#listener.close();
    this.#drop();
  }

  #accept(): void {
    const socket = this.#listener.accept(MAX_MESSAGE_BYTES);
    if (socket === undefined) return;
    if (socket.peer.userId !== this.#options.managerUserId) {
      socket.close();
      return;
    }
    this.#drop();
    const outbox = new Outbox(socket, this.#options.ring, () => this.#lost(socket));
    this.#connection = { socket, outbox };
    socket.onReadable(() => this.#read(socket, outbox));
    const { name, dma } = this.#options;
    outbox.post({ event: 'hello', version: PROTOCOL_VERSION, name, dma });
    for (const event of this.#options.recall()) outbox.post(event);
  }

  /** Not at once: whoever noticed may still be using the socket. */
  #lost(socket: FdSocket): void {
    queueMicrotask(() => {
      if (this.#connection?.socket === socket) this.#drop();
    });
  }

  #drop(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.outbox.close();
    connection?.socket.close();
  }

  #read(socket: FdSocket, outbox: Outbox): void {
    for (let count = 0; count < REQUESTS_PER_TURN; count++) {
      if (this.#connection?.socket !== socket) return;
      const message = receive(socket);
      if (message === undefined) return;
      const request = message === 'closed' ? undefined : decodeRequest(message.payload);
      if (message === 'closed' || request === undefined) {
        // Of a manager that speaks another language nothing can be answered.
        if (message !== 'closed') for (const fd of message.fds) closeFile(fd);
        this.#drop();
        return;
      }
      const reply = this.#reply(request, message.fds);
      // Later than others, perhaps; and if this manager is gone by then, to nobody.
      if (reply instanceof Promise) void reply.then((late) => outbox.post(late));
      else outbox.post(reply);
      if (request.op === 'console') outbox.followConsole(request.from);
      if (request.op === 'trace') this.#trace(outbox, request.on);
    }
  }

  #trace(outbox: Outbox, on: boolean): void {
    if (!on) outbox.followTrace(undefined);
    else if (!outbox.tracing) outbox.followTrace(this.#options.openTrace(() => outbox.flush()));
  }

  #reply(request: VmRequest, fds: readonly number[]): VmReply | Promise<VmReply> {
    const answered = (result: unknown): VmReply => ({ reply: request.id, ok: true, result });
    const refused = (error: unknown): VmReply => ({ reply: request.id, ok: false, error: errorOf(error) });
    try {
      const result = this.#options.answer(request, fds);
      return result instanceof Promise ? result.then(answered, refused) : answered(result);
    } catch (error) {
      return refused(error);
    }
  }
}

/** Codes of this project are lower case; anything else is nobody's plan. */
function errorOf(error: unknown): { code: string; message: string } {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const message = error instanceof Error ? error.message : String(error);
  return { code: /^[a-z][a-z0-9-]{0,63}$/.test(code) ? code : 'lend-refused', message: message.slice(0, 4000) };
}

function receive(socket: FdSocket): FdMessage | 'closed' | undefined {
  try {
    return socket.receive();
  } catch (error) {
    if (isHungUp(error)) return 'closed';
    // Longer than either side sends: the descriptors are closed already.
    if (error instanceof Error && 'code' in error && error.code === 'fd-message-too-long') return 'closed';
    throw error;
  }
}

/** A message that must come with another number of descriptors than it did; these are closed. */
export function wrongDescriptors(fds: readonly number[], wanted: number): VmProcessError {
  for (const fd of fds) closeFile(fd);
  return new VmProcessError(
    'vm-request-refused',
    `The request came with ${fds.length} descriptors, and needs ${wanted}: manager and VM process do not fit together.`,
  );
}
