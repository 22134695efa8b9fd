import {
  type BarAccess,
  DriverFailure,
  type FunctionServices,
  type RunningFunction,
  type StopReason,
} from '../function-driver.ts';
import type { Steps } from '../guest-threads.ts';
import { DataBuffer } from './data-buffer.ts';
import { identify, type Namespace } from './identify.ts';
import { QueuePair } from './queue-pair.ts';
import {
  AdminOpcode,
  COMPLETION_ENTRY_BYTES,
  Configuration,
  GONE,
  IoOpcode,
  NUMBER_OF_QUEUES_FEATURE,
  PAGE_BYTES,
  Register,
  Status,
} from './registers.ts';
import { patternFrom } from './test-pattern.ts';

const MOST_ENTRIES = PAGE_BYTES / COMPLETION_ENTRY_BYTES / 4;
/** One turn of waiting for a bit of the status register. */
const STATUS_POLL_MS = 1;
/** CAP.TO counts in these. */
const READY_TIMEOUT_UNIT_MS = 500;
const SHUTDOWN_TIMEOUT_MS = 5000;

/** One NVMe controller that a driver runs: bring-up, I/O that is read back and compared, shutdown. */
export class NvmeController implements RunningFunction {
  readonly #services: FunctionServices;
  readonly #registers: BarAccess;
  readonly #vectors: number;
  readonly #queuesWanted: number;
  readonly #stopped: () => void;
  #admin: QueuePair | undefined;
  #io: QueuePair[] = [];
  #namespace: Namespace | undefined;
  #model = '';
  /** By vector, once connected: a vector belongs to a queue number, whichever queue has it just now. */
  readonly #connected = new Set<number>();

  constructor(
    services: FunctionServices,
    registers: BarAccess,
    vectors: number,
    queuesWanted: number,
    stopped: () => void,
  ) {
    this.#services = services;
    this.#registers = registers;
    this.#vectors = vectors;
    this.#queuesWanted = queuesWanted;
    this.#stopped = stopped;
  }

  get services(): FunctionServices {
    return this.#services;
  }

  get queues(): readonly QueuePair[] {
    return this.#io;
  }

  /** What the controller calls itself. */
  get model(): string {
    return this.#model;
  }

  /** The first active namespace. Throws {@link DriverFailure} when there is none. */
  get namespace(): Namespace {
    if (this.#namespace === undefined) throw new DriverFailure('the controller has no active namespace');
    return this.#namespace;
  }

  *start(): Steps<void> {
    try {
      if (this.#vectors < 2) throw new DriverFailure(`${this.#vectors} interrupt vectors are not enough`);
      yield* this.#bringUp();
    } catch (error) {
      if (error instanceof DriverFailure) yield* this.#giveBack();
      throw error;
    }
  }

  *stop(reason: StopReason): Steps<void> {
    if (reason === 'orderly' && !this.#isGone()) yield* this.#shutDown();
    yield* this.#giveBack();
  }

  *suspend(): Steps<void> {
    if (!this.#isGone()) yield* this.#shutDown();
    this.#freeQueues();
    this.#services.setBusMaster(false);
  }

  *resume(): Steps<void> {
    yield* this.start();
  }

  /** Writes `bytes`, whole blocks, from block `block` on. */
  *write(block: number, bytes: Uint8Array, queue = 0): Steps<void> {
    const buffer = new DataBuffer(this.#services, bytes.byteLength);
    try {
      buffer.fill(bytes);
      yield* this.#transfer(IoOpcode.write, block, bytes.byteLength, buffer, queue);
    } finally {
      buffer.free();
    }
  }

  *read(block: number, sizeBytes: number, queue = 0): Steps<Uint8Array> {
    const buffer = new DataBuffer(this.#services, sizeBytes);
    try {
      yield* this.#transfer(IoOpcode.read, block, sizeBytes, buffer, queue);
      return buffer.read(sizeBytes);
    } finally {
      buffer.free();
    }
  }

  *flush(queue = 0): Steps<void> {
    yield* this.#queue(queue).expect('flush', { opcode: IoOpcode.flush, namespace: this.namespace.id });
  }

  /**
   * Writes a pattern that no other block and no other `seed` has, flushes, and compares what every queue reads back. Returns
   * how many bytes were compared; throws {@link DriverFailure} where they differ.
   */
  *verify(block: number, blockCount: number, seed: number): Steps<number> {
    const { blockBytes } = this.namespace;
    const pattern = patternFrom(block, blockCount, blockBytes, seed);
    yield* this.write(block, pattern, seed % this.#io.length);
    yield* this.flush();
    for (const queue of this.#io.keys()) {
      const back = yield* this.read(block, pattern.byteLength, queue);
      const wrong = back.findIndex((byte, i) => byte !== pattern[i]);
      if (wrong >= 0) throw new DriverFailure(`block ${block + Math.floor(wrong / blockBytes)} reads back wrong`);
    }
    return pattern.byteLength * this.#io.length;
  }

  *#transfer(opcode: number, block: number, sizeBytes: number, buffer: DataBuffer, queue: number): Steps<void> {
    const { id, blockBytes } = this.namespace;
    if (sizeBytes === 0 || sizeBytes % blockBytes !== 0)
      throw new RangeError(`${sizeBytes} bytes are not whole blocks`);
    const { prp1, prp2 } = buffer;
    const dwords = { 10: block % 2 ** 32, 11: Math.floor(block / 2 ** 32), 12: sizeBytes / blockBytes - 1 };
    yield* this.#queue(queue).expect(opcode === IoOpcode.read ? 'read' : 'write', {
      opcode,
      namespace: id,
      prp1,
      prp2,
      dwords,
    });
  }

  #queue(index: number): QueuePair {
    const queue = this.#io[index];
    if (queue === undefined) throw new DriverFailure(`there is no I/O queue ${index}`);
    return queue;
  }

  #isGone(): boolean {
    return Number(this.#registers.read(Register.status, 4)) === GONE;
  }

  *#bringUp(): Steps<void> {
    const capabilities = this.#read64(Register.capabilities);
    const depth = Math.min(MOST_ENTRIES, Number(capabilities & 0xffffn) + 1);
    const strideBytes = 4 << Number((capabilities >> 32n) & 0xfn);
    const timeoutMs = Number((capabilities >> 24n) & 0xffn) * READY_TIMEOUT_UNIT_MS;
    this.#registers.write(Register.configuration, 4, 0n);
    yield* this.#status('off', Status.ready, 0, timeoutMs);

    const admin = new QueuePair(this.#services, this.#registers, 0, depth, strideBytes);
    this.#admin = admin;
    this.#services.setBusMaster(true);
    this.#registers.write(Register.adminQueueSizes, 4, BigInt((depth - 1) | ((depth - 1) << 16)));
    this.#write64(Register.adminSubmission, BigInt(admin.submission.gpa));
    this.#write64(Register.adminCompletion, BigInt(admin.completion.gpa));
    this.#registers.write(Register.configuration, 4, BigInt(Configuration.enabled));
    yield* this.#status('ready', Status.ready, Status.ready, timeoutMs);
    yield* this.#connect(0);

    const { model, namespace } = yield* identify(this.#services, admin);
    this.#model = model;
    this.#namespace = namespace;
    const wanted = Math.min(this.#queuesWanted, this.#vectors - 1);
    const granted = yield* admin.expect('set features', {
      opcode: AdminOpcode.setFeatures,
      dwords: { 10: NUMBER_OF_QUEUES_FEATURE, 11: (wanted - 1) | ((wanted - 1) << 16) },
    });
    const count = Math.min(wanted, (granted & 0xffff) + 1, (granted >>> 16) + 1);
    for (let id = 1; id <= count; id += 1) yield* this.#createQueue(admin, id, depth, strideBytes);
  }

  *#createQueue(admin: QueuePair, id: number, depth: number, strideBytes: number): Steps<void> {
    const queue = new QueuePair(this.#services, this.#registers, id, depth, strideBytes);
    this.#io.push(queue);
    const size = id | ((depth - 1) << 16);
    yield* admin.expect('create completion queue', {
      opcode: AdminOpcode.createCompletionQueue,
      prp1: queue.completion.gpa,
      // Contiguous, interrupts on, the vector in the upper half.
      dwords: { 10: size, 11: 3 | (id << 16) },
    });
    yield* this.#connect(id);
    yield* admin.expect('create submission queue', {
      opcode: AdminOpcode.createSubmissionQueue,
      prp1: queue.submission.gpa,
      dwords: { 10: size, 11: 1 | (id << 16) },
    });
  }

  /** Vector `id` is queue `id`'s. A vector that the host has given no message for is of no use to a queue. */
  *#connect(id: number): Steps<void> {
    if (this.#connected.has(id)) return;
    const works = yield* this.#services.connectVector(id, () =>
      (id === 0 ? this.#admin : this.#io.find((queue) => queue.id === id))?.interrupted(),
    );
    if (!works) throw new DriverFailure(`there is no interrupt for queue ${id}`);
    this.#connected.add(id);
  }

  /** Best effort: what can't be shut down is reset by whoever takes the function back. */
  *#shutDown(): Steps<void> {
    const admin = this.#admin;
    if (admin === undefined) return;
    try {
      for (const { id } of this.#io)
        yield* admin.expect('delete submission queue', {
          opcode: AdminOpcode.deleteSubmissionQueue,
          dwords: { 10: id },
        });
      for (const { id } of this.#io)
        yield* admin.expect('delete completion queue', {
          opcode: AdminOpcode.deleteCompletionQueue,
          dwords: { 10: id },
        });
      const configuration = BigInt(Configuration.enabled | Configuration.normalShutdown);
      this.#registers.write(Register.configuration, 4, configuration);
      yield* this.#status('shut down', Status.shutdownMask, Status.shutdownComplete, SHUTDOWN_TIMEOUT_MS);
      this.#registers.write(Register.configuration, 4, 0n);
    } catch (error) {
      if (!(error instanceof DriverFailure)) throw error;
      this.#services.log(`not shut down: ${error.message}`);
    }
  }

  *#status(what: string, mask: number, value: number, timeoutMs: number): Steps<void> {
    for (let waitedMs = 0; waitedMs <= timeoutMs; waitedMs += STATUS_POLL_MS) {
      const status = Number(this.#registers.read(Register.status, 4));
      if (status === GONE) throw new DriverFailure('the function is gone');
      if ((status & mask) === value) return;
      yield { label: `nvme ${what}`, ready: () => false, timeoutMs: STATUS_POLL_MS };
    }
    throw new DriverFailure(`the controller isn't ${what} after ${timeoutMs} ms`);
  }

  *#giveBack(): Steps<void> {
    this.#services.setBusMaster(false);
    this.#connected.clear();
    yield* this.#services.freeVectors();
    this.#freeQueues();
    this.#stopped();
  }

  /** In halves: not every controller takes 8 bytes at once. */
  #read64(register: number): bigint {
    return this.#registers.read(register, 4) | (this.#registers.read(register + 4, 4) << 32n);
  }

  #write64(register: number, value: bigint): void {
    this.#registers.write(register, 4, value & 0xffff_ffffn);
    this.#registers.write(register + 4, 4, value >> 32n);
  }

  #freeQueues(): void {
    for (const queue of this.#io) queue.free();
    this.#admin?.free();
    this.#io = [];
    this.#admin = undefined;
  }
}
