/**
 * A client of QEMU's machine protocol (QEMU docs/interop/qmp-spec): one JSON object a line; a greeting, then a reply
 * for each command, in between events.
 */
import type { Duplex } from 'node:stream';
import { RigError, RigErrorCode } from './rig-error.ts';

export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Waiting {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class QmpClient {
  readonly #socket: Duplex;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  #nextId = 1;
  #line = '';
  #closed = false;

  constructor(socket: Duplex) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#receive(text));
    socket.on('error', () => this.#close());
    socket.on('close', () => this.#close());
  }

  /** Leaves capability negotiation; QEMU refuses every other command until then. */
  async negotiate(): Promise<void> {
    await this.execute('qmp_capabilities', {});
  }

  /**
   * @returns the reply's `return` value.
   * @throws RigError `rig-monitor-refused` with QEMU's own words; `rig-died` when QEMU is gone.
   */
  execute(command: string, commandArguments: Readonly<Record<string, unknown>>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(gone(command));
        return;
      }
      const id = this.#nextId++;
      this.#waiting.set(id, { command, resolve, reject });
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: commandArguments, id })}\n`);
    });
  }

  /** @returns a function that stops the listening. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(text: string): void {
    const lines = (this.#line + text).split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') this.#handle(JSON.parse(line) as Record<string, unknown>);
  }

  #handle(message: Record<string, unknown>): void {
    if (typeof message['event'] === 'string') {
      const event = { event: message['event'], data: (message['data'] ?? {}) as Record<string, unknown> };
      for (const listener of this.#listeners) listener(event);
      return;
    }
    // The greeting has no id, and nothing that is needed here.
    if (typeof message['id'] !== 'number') return;
    const waiting = this.#waiting.get(message['id']);
    if (waiting === undefined) return;
    this.#waiting.delete(message['id']);
    if (!('error' in message)) {
      waiting.resolve(message['return']);
      return;
    }
    const { desc } = message['error'] as { readonly desc: string };
    waiting.reject(new RigError(RigErrorCode.monitorRefused, `QEMU refused ${waiting.command}: ${desc}`));
  }

  #close(): void {
    this.#closed = true;
    for (const { command, reject } of this.#waiting.values()) reject(gone(command));
    this.#waiting.clear();
  }
}

const gone = (command: string): RigError =>
  new RigError(RigErrorCode.died, `QEMU ended before it answered ${command}.`);
