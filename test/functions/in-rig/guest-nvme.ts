import { setTimeout } from 'node:timers/promises';
import type { PciFunction } from '../../../src/functions/index.ts';
import type { SharedMemory } from '../../../src/linux/index.ts';

/** NVM Express Base Specification 1.4: controller registers (3.1), admin commands (5), NVM commands (6). */
const register = {
  capabilities: 0x00,
  configuration: 0x14,
  status: 0x1c,
  queueSizes: 0x24,
  submission: 0x28,
  completion: 0x30,
} as const;
const doorbells = 0x1000;
const enabled = 1;
const entrySizes = 0x46_0000;
const opcode = { createSubmission: 0x01, read: 0x02, createCompletion: 0x05, identify: 0x06 } as const;
const queueEntries = 16;

/** Pages of the guest's memory: four for each queue pair (submission, completion, buffer, spare). */
const pagesPerQueue = 4;
export const guestNvmeMemoryBytes = 2 * pagesPerQueue * 4096;

/** Where the guest puts BAR 0. */
export const barGpa = 0x10_0000_0000;

/** Just enough of a guest's NVMe driver, which sees nothing but a `PciFunction` and memory at `memoryGpa`. */
export class GuestNvme {
  readonly #fn: PciFunction;
  readonly #memory: SharedMemory;
  readonly #memoryGpa: number;
  readonly #submitted = [0, 0];

  constructor(fn: PciFunction, memory: SharedMemory, memoryGpa: number) {
    this.#fn = fn;
    this.#memory = memory;
    this.#memoryGpa = memoryGpa;
  }

  /** As a bus driver does: the BAR's address, then memory decoding and bus mastering. */
  placeBar(): void {
    this.#fn.writeConfig(0x10, 4, barGpa % 2 ** 32);
    this.#fn.writeConfig(0x14, 4, Math.floor(barGpa / 2 ** 32));
    this.#fn.writeConfig(0x04, 2, 0x0406);
  }

  capability(id: number): number {
    let offset = this.#fn.readConfig(0x34, 1);
    while (offset !== 0 && this.#fn.readConfig(offset, 1) !== id) offset = this.#fn.readConfig(offset + 1, 1);
    if (offset === 0) throw new Error(`the guest sees no capability ${id}`);
    return offset;
  }

  enableMsix(): void {
    this.#fn.writeConfig(this.capability(0x11) + 2, 2, 0x8000);
  }

  unmask(vector: number, data: number): void {
    const entry = 0x2000 + 16 * vector;
    this.#fn.writeBar(0, entry, 4, 0xfee0_0000n);
    this.#fn.writeBar(0, entry + 4, 4, 0n);
    this.#fn.writeBar(0, entry + 8, 4, BigInt(data));
    this.#fn.writeBar(0, entry + 12, 4, 0n);
  }

  mask(vector: number): void {
    this.#fn.writeBar(0, 0x2000 + 16 * vector + 12, 4, 1n);
  }

  get ready(): boolean {
    return (this.#read32(register.status) & 1) === 1;
  }

  /** Turns the controller on with its admin queues. */
  async enable(): Promise<void> {
    new Uint8Array(this.#memory.buffer, 0, guestNvmeMemoryBytes).fill(0);
    this.#submitted.fill(0);
    this.#write32(register.queueSizes, ((queueEntries - 1) << 16) | (queueEntries - 1));
    this.#fn.writeBar(0, register.submission, 8, BigInt(this.#gpa(0, 0)));
    this.#fn.writeBar(0, register.completion, 8, BigInt(this.#gpa(0, 1)));
    this.#write32(register.configuration, entrySizes | enabled);
    await this.#until(() => this.ready, 'ready');
  }

  /** Identifies the controller: the vendor id that arrived by DMA. */
  async identify(): Promise<number> {
    await this.#command(0, opcode.identify, 0, [1]);
    return new DataView(this.#memory.buffer, this.#offset(0, 2), 4).getUint16(0, true);
  }

  /** Makes I/O queue pair 1, whose completions raise `vector`. */
  async createQueuePair(vector: number): Promise<void> {
    const size = (queueEntries - 1) << 16;
    await this.#command(0, opcode.createCompletion, 0, [size | 1, (vector << 16) | 3], this.#gpa(1, 1));
    await this.#command(0, opcode.createSubmission, 0, [size | 1, (1 << 16) | 1], this.#gpa(1, 0));
  }

  /** Reads the first block of namespace 1 through queue pair 1. */
  async readBlock(): Promise<void> {
    await this.#command(1, opcode.read, 1, [0, 0, 0]);
  }

  async #command(
    queue: 0 | 1,
    operation: number,
    namespace: number,
    words: readonly number[],
    address = this.#gpa(queue, 2),
  ): Promise<void> {
    const number = this.#submitted[queue] ?? 0;
    const entry = new DataView(this.#memory.buffer, this.#offset(queue, 0) + (number % queueEntries) * 64, 64);
    for (let i = 0; i < 64; i += 4) entry.setUint32(i, 0, true);
    entry.setUint32(0, operation | ((number + 1) << 16), true);
    entry.setUint32(4, namespace, true);
    entry.setBigUint64(24, BigInt(address), true);
    words.forEach((word, i) => entry.setUint32(40 + 4 * i, word, true));
    this.#submitted[queue] = number + 1;
    this.#write32(doorbells + 8 * queue, (number + 1) % queueEntries);

    const completion = new DataView(this.#memory.buffer, this.#offset(queue, 1) + (number % queueEntries) * 16, 16);
    const phase = Math.floor(number / queueEntries) % 2 === 0 ? 1 : 0;
    await this.#until(() => (completion.getUint16(14, true) & 1) === phase, `a completion of command ${operation}`);
    const status = completion.getUint16(14, true) >> 1;
    if (status !== 0) throw new Error(`command ${operation} ended with status 0x${status.toString(16)}`);
    this.#write32(doorbells + 8 * queue + 4, (number + 1) % queueEntries);
  }

  #offset(queue: 0 | 1, page: number): number {
    return (queue * pagesPerQueue + page) * 4096;
  }

  #gpa(queue: 0 | 1, page: number): number {
    return this.#memoryGpa + this.#offset(queue, page);
  }

  #read32(offset: number): number {
    return Number(this.#fn.readBar(0, offset, 4));
  }

  #write32(offset: number, value: number): void {
    this.#fn.writeBar(0, offset, 4, BigInt(value >>> 0));
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    for (let tries = 0; tries < 500; tries += 1) {
      if (condition()) return;
      await setTimeout(10);
    }
    throw new Error(`the controller showed no sign of ${what} for 5 s`);
  }
}
