import type { Duplex } from 'node:stream';
import {
  type ExitReport,
  type Frame,
  FrameDecoder,
  FrameKind,
  type StartFailure,
  type StartRequest,
  encodeFrame,
} from './agent-protocol.ts';
import { RigError, RigErrorCode } from './rig-error.ts';

export type OutputStream = 'stdout' | 'stderr';

/** A command under way in the rig. */
export interface RigCommand {
  write(bytes: Uint8Array | string): void;
  /** Ends its standard input. */
  endInput(): void;
  /** To its whole process group. `name` as in `SIGTERM`. */
  signal(name: string): void;
  /**
   * Settles when it has ended and all its output has been given to `onOutput`.
   * @throws RigError `rig-command-not-started`, or `rig-died` when the rig ended first.
   */
  readonly ended: Promise<ExitReport>;
}

interface Pending {
  readonly name: string;
  readonly onOutput: (stream: OutputStream, bytes: Uint8Array) => void;
  readonly resolve: (report: ExitReport) => void;
  readonly reject: (error: Error) => void;
}

/** The host's end of the agent's port. */
export class AgentClient {
  /** Settles when the agent takes commands. */
  readonly ready: Promise<void>;
  readonly #socket: Duplex;
  readonly #decoder = new FrameDecoder();
  readonly #commands = new Map<number, Pending>();
  #nextCommand = 1;
  #failure: Error | undefined;
  #heardAt = performance.now();
  #knocking: NodeJS.Timeout | undefined;
  readonly #becomeReady: () => void;

  constructor(socket: Duplex) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ready = promise;
    this.#becomeReady = resolve;
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.fail(error));
  }

  start(request: StartRequest, onOutput: (stream: OutputStream, bytes: Uint8Array) => void): RigCommand {
    const command = this.#nextCommand++;
    const { promise: ended, resolve, reject } = Promise.withResolvers<ExitReport>();
    const send = (kind: FrameKind, payload: Uint8Array): void => {
      if (this.#failure === undefined) this.#socket.write(encodeFrame(kind, command, payload));
    };
    if (this.#failure === undefined) {
      this.#commands.set(command, { name: request.argv.join(' '), onOutput, resolve, reject });
      send(FrameKind.start, Buffer.from(JSON.stringify(request)));
    } else {
      reject(this.#failure);
    }
    return {
      write: (bytes) => {
        for (const piece of pieces(typeof bytes === 'string' ? Buffer.from(bytes) : bytes))
          send(FrameKind.input, piece);
      },
      endInput: () => send(FrameKind.inputEnd, new Uint8Array(0)),
      signal: (name) => send(FrameKind.signal, Buffer.from(name)),
      ended,
    };
  }

  /** Milliseconds since the agent last said anything at all. */
  get silentForMs(): number {
    return performance.now() - this.#heardAt;
  }

  /** Interrupts the rig every so often, from {@link ready} on to its end. A knock that has not got through yet is not repeated. */
  knockEvery(milliseconds: number): void {
    this.#knocking = setInterval(() => {
      if (this.#socket.writableLength === 0) this.#socket.write(encodeFrame(FrameKind.knock, 0, new Uint8Array(0)));
    }, milliseconds);
    // A rig that nobody waits for does not keep its owner's process alive by this.
    this.#knocking.unref();
  }

  /** The rig is gone: every command under way, and every later one, ends with `error`. */
  fail(error: Error): void {
    this.#failure ??= error;
    clearInterval(this.#knocking);
    this.#socket.destroy();
    for (const { reject } of this.#commands.values()) reject(this.#failure);
    this.#commands.clear();
  }

  #receive(chunk: Uint8Array): void {
    this.#heardAt = performance.now();
    try {
      for (const frame of this.#decoder.push(chunk)) this.#handle(frame);
    } catch (error) {
      this.fail(
        new RigError(RigErrorCode.died, `The rig's agent cannot be understood any more: ${String(error)}`, {
          cause: error,
        }),
      );
    }
  }

  #handle(frame: Frame): void {
    if (frame.kind === FrameKind.ready) {
      this.#becomeReady();
      return;
    }
    const pending = this.#commands.get(frame.command);
    if (pending === undefined) return;
    if (frame.kind === FrameKind.output) pending.onOutput('stdout', frame.payload);
    else if (frame.kind === FrameKind.errorOutput) pending.onOutput('stderr', frame.payload);
    else {
      this.#commands.delete(frame.command);
      const text = Buffer.from(frame.payload).toString();
      if (frame.kind === FrameKind.exited) pending.resolve(JSON.parse(text) as ExitReport);
      else pending.reject(notStarted(pending.name, JSON.parse(text) as StartFailure));
    }
  }
}

const PIECE_BYTES = 256 * 1024;

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}

function notStarted(name: string, failure: StartFailure): RigError {
  const reason =
    failure.code === 'ENOENT' ? 'the rig has no such program, or no such working directory' : failure.message;
  return new RigError(RigErrorCode.commandNotStarted, `'${name}' cannot be started in the rig: ${reason}.`);
}
