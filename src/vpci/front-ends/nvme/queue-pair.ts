import type { BarAccess, FunctionServices } from '../function-driver.ts';
import { DriverFailure } from '../function-driver.ts';
import type { DmaBuffer } from '../guest-platform.ts';
import type { Steps } from '../guest-threads.ts';
import { COMPLETION_ENTRY_BYTES, GONE, Register, Status, SUBMISSION_ENTRY_BYTES } from './registers.ts';

/** A command's dwords that aren't filled in by the queue; by dword number. */
export interface Command {
  readonly opcode: number;
  readonly namespace?: number;
  /** Dwords 6 to 9. */
  readonly prp1?: number;
  readonly prp2?: number;
  readonly dwords?: Readonly<Record<number, number>>;
}

export interface Completion {
  readonly result: number;
  /** Status code type and code; 0 = success. */
  readonly status: number;
}

/** NVMe 1.4, figure 123: what is above says only whether to try again and where to read more. */
const STATUS_TYPE_AND_CODE = 0x7ff;

/** Longer than any healthy controller takes for one command. */
const COMMAND_TIMEOUT_MS = 5000;

/** One submission and one completion queue with the same number and depth. */
export class QueuePair {
  readonly id: number;
  readonly depth: number;
  readonly submission: DmaBuffer;
  readonly completion: DmaBuffer;
  /** How often {@link interrupted} found a completion, and how often it found none. */
  readonly interrupts = { useful: 0, empty: 0 };
  readonly #services: FunctionServices;
  readonly #registers: BarAccess;
  readonly #strideBytes: number;
  readonly #done = new Map<number, Completion>();
  readonly #waiting = new Set<number>();
  #tail = 0;
  #head = 0;
  #phase = 1;
  #nextId = 0;

  constructor(services: FunctionServices, registers: BarAccess, id: number, depth: number, strideBytes: number) {
    this.#services = services;
    this.#registers = registers;
    this.#strideBytes = strideBytes;
    this.id = id;
    this.depth = depth;
    this.submission = services.allocateDma(depth * SUBMISSION_ENTRY_BYTES);
    this.completion = services.allocateDma(depth * COMPLETION_ENTRY_BYTES);
    this.submission.write(0, new Uint8Array(depth * SUBMISSION_ENTRY_BYTES));
    this.completion.write(0, new Uint8Array(depth * COMPLETION_ENTRY_BYTES));
  }

  free(): void {
    this.#services.freeDma(this.submission);
    this.#services.freeDma(this.completion);
  }

  /** The interrupt: takes every completion that is there. */
  interrupted(): void {
    let found = false;
    for (let entry = this.#next(); entry !== undefined; entry = this.#next()) {
      found = true;
      if (this.#waiting.delete(entry.commandId)) this.#done.set(entry.commandId, entry);
      this.#head = (this.#head + 1) % this.depth;
      if (this.#head === 0) this.#phase ^= 1;
    }
    this.interrupts[found ? 'useful' : 'empty'] += 1;
    if (found) this.#ring(2 * this.id + 1, this.#head);
  }

  /**
   * Sends one command and waits for its completion, which an interrupt has to announce. Throws {@link DriverFailure} when
   * the function is gone, or none comes.
   */
  *submit(command: Command): Steps<Completion> {
    if (this.#waiting.size >= this.depth - 1) throw new DriverFailure(`queue ${this.id} is full`);
    const id = this.#nextId;
    this.#nextId = (this.#nextId + 1) % 0x1_0000;
    this.submission.write(this.#tail * SUBMISSION_ENTRY_BYTES, encode(command, id));
    this.#tail = (this.#tail + 1) % this.depth;
    this.#waiting.add(id);
    this.#ring(2 * this.id, this.#tail);
    const end = yield {
      label: `nvme queue ${this.id}`,
      ready: () => this.#done.has(id),
      timeoutMs: COMMAND_TIMEOUT_MS,
    };
    const completion = this.#done.get(id);
    this.#done.delete(id);
    this.#waiting.delete(id);
    if (end === 'ready' && completion !== undefined) return completion;
    const status = Number(this.#registers.read(Register.status, 4));
    if (status === GONE) throw new DriverFailure('the function is gone');
    const fatal = (status & Status.fatal) !== 0 ? ', and the controller reports a fatal error' : '';
    throw new DriverFailure(`no completion of command 0x${command.opcode.toString(16)} on queue ${this.id}${fatal}`);
  }

  /** {@link submit}; throws {@link DriverFailure} unless it succeeds. Returns the result dword. */
  *expect(what: string, command: Command): Steps<number> {
    const { status, result } = yield* this.submit(command);
    if (status !== 0) throw new DriverFailure(`${what}: status 0x${status.toString(16)}`);
    return result;
  }

  #next(): (Completion & { readonly commandId: number }) | undefined {
    const bytes = this.completion.read(this.#head * COMPLETION_ENTRY_BYTES, COMPLETION_ENTRY_BYTES);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const word = view.getUint16(14, true);
    if ((word & 1) !== this.#phase) return undefined;
    const status = (word >>> 1) & STATUS_TYPE_AND_CODE;
    return { result: view.getUint32(0, true), commandId: view.getUint16(12, true), status };
  }

  #ring(doorbell: number, value: number): void {
    this.#registers.write(Register.doorbells + doorbell * this.#strideBytes, 4, BigInt(value));
  }
}

function encode({ opcode, namespace = 0, prp1 = 0, prp2 = 0, dwords = {} }: Command, id: number): Uint8Array {
  const entry = new Uint8Array(SUBMISSION_ENTRY_BYTES);
  const view = new DataView(entry.buffer);
  view.setUint32(0, opcode | (id << 16), true);
  view.setUint32(4, namespace, true);
  view.setBigUint64(24, BigInt(prp1), true);
  view.setBigUint64(32, BigInt(prp2), true);
  for (const [dword, value] of Object.entries(dwords)) view.setUint32(4 * Number(dword), value, true);
  return entry;
}
