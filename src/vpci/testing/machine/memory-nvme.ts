import type { BackendBar, BackendEvents, DmaRegion, FunctionBackend, InterruptKind } from '../../../functions/index.ts';
import { fakeConfig } from '../../../functions/testing/index.ts';
import type { GuestMemory } from '../../../hyperv/index.ts';

const BLOCK_BYTES = 512;
const MOST_QUEUES = 4;
const DEPTH = 64;

const IDENTITY = {
  vendorId: 0x1b36,
  deviceId: 0x0010,
  revisionId: 2,
  programmingInterface: 2,
  subClass: 8,
  baseClass: 1,
  subsystemVendorId: 0x1af4,
  subsystemId: 0x1100,
} as const;

const SUCCESS = 0;
const INVALID_OPCODE = 0x001;
const INVALID_FIELD = 0x002;
const LBA_OUT_OF_RANGE = 0x080;
const INVALID_QUEUE = 0x101;

interface Submission {
  readonly gpa: number;
  readonly entries: number;
  readonly completion: number;
  head: number;
}
interface CompletionQueue {
  readonly gpa: number;
  readonly entries: number;
  readonly vector: number;
  tail: number;
  phase: number;
}

export interface MemoryNvmeOptions {
  /** Guest memory, as the function's DMA reaches it. */
  readonly memory: GuestMemory;
  /** An interrupt: writes to the eventfd that the vector was connected to. */
  readonly signal: (eventFd: number) => void;
  readonly blocks?: number;
  readonly msixVectors?: number;
  /** With this it has MSI in place of MSI-X. */
  readonly msiVectors?: number;
}

/**
 * A model of an NVMe controller for tests of guest drivers: registers, an admin queue, up to four I/O queues and one namespace
 * in memory, each command done within the doorbell write. It has no asynchronous events, no abort, no log pages, no
 * features but the number of queues, no scatter lists, no metadata, no more than one namespace and no timing of its own: a
 * driver that runs on it has not been shown to run on a device.
 */
export class MemoryNvme implements FunctionBackend {
  readonly name = 'memory-nvme';
  readonly numaNode = undefined;
  readonly bars: readonly BackendBar[] = [
    { index: 0, kind: 'memory64', prefetchable: false, sizeBytes: 0x4000, mappings: [] },
  ];
  /** What the function has: commands done, and what it was told. */
  readonly counts = { commands: 0, interrupts: 0, resets: 0, strayAccesses: 0 };
  /** Doorbells are taken, but nothing is done: a controller that hangs. */
  stuck = false;
  events: BackendEvents | undefined;
  readonly #options: MemoryNvmeOptions;
  readonly #disk: Uint8Array;
  readonly #connected = new Map<number, number>();
  readonly #registers = new DataView(new ArrayBuffer(0x1000));
  readonly #submissions = new Map<number, Submission>();
  readonly #completions = new Map<number, CompletionQueue>();
  #regions: readonly DmaRegion[] = [];
  #busMaster = false;

  constructor(options: MemoryNvmeOptions) {
    this.#options = options;
    this.#disk = new Uint8Array((options.blocks ?? 4096) * BLOCK_BYTES);
    this.reset();
  }

  captureConfig(): Uint8Array {
    const { msiVectors = 0, msixVectors = msiVectors > 0 ? 0 : 8 } = this.#options;
    return fakeConfig({
      identity: IDENTITY,
      barFlags: new Map([[0, 0x4]]),
      msiVectors,
      msixVectors,
      msixTable: { barIndex: 0, offset: 0x2000 },
      msixPendingBits: { barIndex: 0, offset: 0x3000 },
      functionLevelReset: true,
    });
  }

  reset(): void {
    this.counts.resets += 1;
    this.#off();
    this.#busMaster = false;
    new Uint8Array(this.#registers.buffer).fill(0);
    // 64 entries, contiguous queues, ready within half a second, stride 4, the NVM command set; version 1.4.
    this.#registers.setBigUint64(0, BigInt(DEPTH - 1) | (1n << 16n) | (1n << 24n) | (1n << 37n), true);
    this.#registers.setUint32(8, 0x0001_0400, true);
  }

  listen(events: BackendEvents | undefined): void {
    this.events = events;
  }
  setBusMaster(enabled: boolean): void {
    this.#busMaster = enabled;
  }
  setPowerState(): void {}
  setDeviceControl(): void {}
  reservedBesideMsix(): boolean {
    return true;
  }
  enableMsix(): void {}
  /** It wants to see what is written to each. */
  doorbells(): readonly [] {
    return [];
  }

  connectVector(_kind: InterruptKind, vector: number, eventFd: number | undefined): void {
    if (eventFd === undefined) this.#connected.delete(vector);
    else this.#connected.set(vector, eventFd);
  }
  disableVectors(): void {
    this.#connected.clear();
  }
  mapMemory(regions: readonly DmaRegion[]): void {
    this.#regions = regions;
  }
  unmapMemory(): void {
    this.#regions = [];
  }
  close(): void {
    this.reset();
  }

  readRegister(_barIndex: number, offset: number, sizeBytes: number): bigint {
    if (offset + sizeBytes > this.#registers.byteLength) return 0n;
    let value = 0n;
    for (let i = sizeBytes - 1; i >= 0; i -= 1) value = (value << 8n) | BigInt(this.#registers.getUint8(offset + i));
    return value;
  }

  writeRegister(_barIndex: number, offset: number, sizeBytes: number, value: bigint): void {
    if (offset >= 0x1000) {
      this.#doorbell((offset - 0x1000) / 4, Number(value & 0xffffn));
    } else if (offset >= 0x14) {
      if (offset === 0x14) this.#configure(Number(value));
      for (let i = 0; i < sizeBytes; i += 1)
        this.#registers.setUint8(offset + i, Number((value >> BigInt(8 * i)) & 0xffn));
    }
  }

  #off(): void {
    this.#submissions.clear();
    this.#completions.clear();
  }

  #configure(value: number): void {
    const was = this.#registers.getUint32(0x14, true);
    let status = this.#registers.getUint32(0x1c, true);
    if ((value & 1) === 1 && (was & 1) === 0) {
      const sizes = this.#registers.getUint32(0x24, true);
      const gpa = (offset: number): number => Number(this.#registers.getBigUint64(offset, true));
      this.#submissions.set(0, { gpa: gpa(0x28), entries: (sizes & 0xfff) + 1, completion: 0, head: 0 });
      this.#completions.set(0, { gpa: gpa(0x30), entries: (sizes >>> 16) + 1, vector: 0, tail: 0, phase: 1 });
      status = 1;
    } else if ((value & 1) === 0 && (was & 1) === 1) {
      this.#off();
      status = 0;
    }
    if ((value & 0xc000) !== 0) status = (status & ~0xc) | 0x8;
    this.#registers.setUint32(0x1c, status, true);
  }

  #doorbell(number: number, value: number): void {
    const queue = this.#submissions.get(number >> 1);
    // Completions are taken for granted: a guest that never rings is found by its own time-outs.
    if (number % 2 === 1) return;
    if (queue === undefined || !this.#busMaster) {
      this.counts.strayAccesses += 1;
      return;
    }
    if (this.stuck) return;
    const touched = new Set<CompletionQueue>();
    while (queue.head !== value % queue.entries) {
      const entry = this.#fromGuest(queue.gpa + 64 * queue.head, 64);
      queue.head = (queue.head + 1) % queue.entries;
      const command = new DataView(entry.buffer);
      this.counts.commands += 1;
      const [status, result] = number === 0 ? this.#admin(command) : this.#io(command);
      const completion = this.#completions.get(queue.completion);
      if (completion === undefined) throw new Error('a submission queue without its completion queue');
      this.#complete(completion, queue.head, number >> 1, command.getUint16(2, true), status, result);
      touched.add(completion);
    }
    for (const { vector } of touched) {
      const eventFd = this.#connected.get(vector);
      if (eventFd === undefined) continue;
      this.counts.interrupts += 1;
      this.#options.signal(eventFd);
    }
  }

  #complete(
    queue: CompletionQueue,
    head: number,
    submission: number,
    id: number,
    status: number,
    result: number,
  ): void {
    const entry = new DataView(new ArrayBuffer(16));
    entry.setUint32(0, result, true);
    entry.setUint16(8, head, true);
    entry.setUint16(10, submission, true);
    entry.setUint16(12, id, true);
    entry.setUint16(14, (status << 1) | queue.phase, true);
    this.#toGuest(queue.gpa + 16 * queue.tail, new Uint8Array(entry.buffer));
    queue.tail = (queue.tail + 1) % queue.entries;
    if (queue.tail === 0) queue.phase ^= 1;
  }

  #admin(command: DataView): readonly [status: number, result: number] {
    const dword10 = command.getUint32(40, true);
    const dword11 = command.getUint32(44, true);
    const gpa = Number(command.getBigUint64(24, true));
    const id = dword10 & 0xffff;
    const entries = (dword10 >>> 16) + 1;
    switch (command.getUint8(0)) {
      case 0x00:
        return [this.#submissions.delete(id) ? SUCCESS : INVALID_QUEUE, 0];
      case 0x04:
        return [this.#completions.delete(id) ? SUCCESS : INVALID_QUEUE, 0];
      case 0x05:
        if (id === 0 || id > MOST_QUEUES || this.#completions.has(id)) return [INVALID_QUEUE, 0];
        this.#completions.set(id, { gpa, entries, vector: dword11 >>> 16, tail: 0, phase: 1 });
        return [SUCCESS, 0];
      case 0x01:
        if (id === 0 || this.#submissions.has(id) || !this.#completions.has(dword11 >>> 16)) return [INVALID_QUEUE, 0];
        this.#submissions.set(id, { gpa, entries, completion: dword11 >>> 16, head: 0 });
        return [SUCCESS, 0];
      case 0x06:
        return this.#identify(dword10 & 0xff, command.getUint32(4, true), gpa);
      case 0x09:
        return dword10 === 7 ? [SUCCESS, (MOST_QUEUES - 1) | ((MOST_QUEUES - 1) << 16)] : [INVALID_FIELD, 0];
      default:
        return [INVALID_OPCODE, 0];
    }
  }

  #identify(structure: number, namespace: number, gpa: number): readonly [number, number] {
    const page = new DataView(new ArrayBuffer(4096));
    if (structure === 1) {
      const model = 'dda model of an NVMe controller'.padEnd(40);
      for (let i = 0; i < 40; i += 1) page.setUint8(24 + i, model.charCodeAt(i));
      page.setUint32(516, 1, true);
    } else if (structure === 2) {
      if (namespace === 0) page.setUint32(0, 1, true);
    } else if (structure === 0 && namespace === 1) {
      for (const offset of [0, 8, 16]) page.setBigUint64(offset, BigInt(this.#disk.byteLength / BLOCK_BYTES), true);
      page.setUint8(130, Math.log2(BLOCK_BYTES));
    } else return [INVALID_FIELD, 0];
    this.#toGuest(gpa, new Uint8Array(page.buffer));
    return [SUCCESS, 0];
  }

  #io(command: DataView): readonly [number, number] {
    const opcode = command.getUint8(0);
    if (command.getUint32(4, true) !== 1) return [INVALID_FIELD, 0];
    if (opcode === 0x00) return [SUCCESS, 0];
    if (opcode !== 0x01 && opcode !== 0x02) return [INVALID_OPCODE, 0];
    const start = Number(command.getBigUint64(40, true)) * BLOCK_BYTES;
    const sizeBytes = (command.getUint16(48, true) + 1) * BLOCK_BYTES;
    if (start + sizeBytes > this.#disk.byteLength) return [LBA_OUT_OF_RANGE, 0];
    const part = this.#disk.subarray(start, start + sizeBytes);
    this.#pages(command, sizeBytes).forEach((gpa, i) => {
      const chunk = part.subarray(4096 * i, 4096 * (i + 1));
      if (opcode === 0x01) chunk.set(this.#fromGuest(gpa, chunk.byteLength));
      else this.#toGuest(gpa, chunk);
    });
    return [SUCCESS, 0];
  }

  /** Data starts at a page in this model, so the list has no offsets. */
  #pages(command: DataView, sizeBytes: number): number[] {
    const first = Number(command.getBigUint64(24, true));
    const second = Number(command.getBigUint64(32, true));
    const count = Math.ceil(sizeBytes / 4096);
    if (count === 1) return [first];
    if (count === 2) return [first, second];
    const list = new DataView(this.#fromGuest(second, 8 * (count - 1)).buffer);
    return [first, ...Array.from({ length: count - 1 }, (_, i) => Number(list.getBigUint64(8 * i, true)))];
  }

  #fromGuest(gpa: number, sizeBytes: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(sizeBytes);
    if (!this.#reaches(gpa, sizeBytes) || !this.#options.memory.copyOut(gpa, bytes)) this.counts.strayAccesses += 1;
    return bytes;
  }

  #toGuest(gpa: number, bytes: Uint8Array): void {
    if (!this.#reaches(gpa, bytes.byteLength) || !this.#options.memory.copyIn(gpa, bytes))
      this.counts.strayAccesses += 1;
  }

  #reaches(gpa: number, sizeBytes: number): boolean {
    return this.#regions.some((region) => gpa >= region.gpa && gpa + sizeBytes <= region.gpa + region.sizeBytes);
  }
}
