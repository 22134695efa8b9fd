import type { GuestMemory, MemoryPlace } from '../../src/functions/software-nvme/guest-memory.ts';
import type { Choices } from '../engine/choices.ts';
import type { Probe } from '../engine/probe.ts';

interface Strike {
  readonly after: number;
  readonly offset: number;
  readonly value: number;
}

/** Told of what a software function does with guest memory. */
export interface DmaWatcher {
  /** Copied out; `bytes` is the copy. */
  read(gpa: number, bytes: Uint8Array): void;
  /** Copied in, or about to be written in place. */
  wrote(gpa: number, sizeBytes: number): void;
}

/** Guest memory as a software function has it, which the guest changes between any two reads. */
export class HostileDma implements GuestMemory {
  readonly bytes: Uint8Array;
  readonly words: DataView;
  watcher: DmaWatcher | undefined;
  #probe: Probe | undefined;
  #strikes: Strike[] = [];
  #reads = 0;
  /** Looks at whether there is memory, until there is none any more. */
  #looksLeft = Number.POSITIVE_INFINITY;

  constructor(sizeBytes: number) {
    this.bytes = new Uint8Array(sizeBytes);
    this.words = new DataView(this.bytes.buffer);
  }

  renew(probe: Probe): void {
    this.bytes.fill(0);
    this.#probe = probe;
    this.watcher = undefined;
    this.calm();
  }

  calm(): void {
    this.#strikes = [];
    this.#reads = 0;
    this.#looksLeft = Number.POSITIVE_INFINITY;
  }

  /** What the guest does while the function is at its next operation: changes what was read, or has the memory taken away. */
  arm(choices: Choices): void {
    this.calm();
    const count = choices.chance(96) ? 1 + choices.below(3) : 0;
    for (let i = 0; i < count; i += 1) {
      this.#strikes.push({ after: 1 + choices.below(8), offset: 4 * choices.below(16), value: choices.word() });
    }
    if (choices.chance(24)) this.#looksLeft = choices.below(24);
  }

  contains(gpa: number, sizeBytes: number): boolean {
    this.#probe?.step();
    this.#looksLeft -= 1;
    if (this.#looksLeft < 0) return false;
    return Number.isSafeInteger(gpa) && gpa >= 0 && sizeBytes >= 0 && gpa + sizeBytes <= this.bytes.length;
  }

  read(gpa: number, target: Uint8Array): boolean {
    if (!this.contains(gpa, target.byteLength)) return false;
    target.set(this.bytes.subarray(gpa, gpa + target.byteLength));
    this.watcher?.read(gpa, target);
    this.#strike(gpa);
    return true;
  }

  write(gpa: number, source: Uint8Array): boolean {
    if (!this.contains(gpa, source.byteLength)) return false;
    this.bytes.set(source, gpa);
    this.watcher?.wrote(gpa, source.byteLength);
    return true;
  }

  readDwords(gpa: number, target: Uint32Array, count: number): boolean {
    if (gpa % 4 !== 0 || !this.contains(gpa, 4 * count)) return false;
    for (let index = 0; index < count; index += 1) target[index] = this.words.getUint32(gpa + 4 * index, true);
    this.watcher?.read(gpa, new Uint8Array(target.buffer, target.byteOffset, 4 * count));
    this.#strike(gpa);
    return true;
  }

  writeDwords(gpa: number, source: Uint32Array, count: number): boolean {
    if (gpa % 4 !== 0 || !this.contains(gpa, 4 * count)) return false;
    for (let index = 0; index < count; index += 1) {
      this.words.setUint32(gpa + 4 * index, source[index] ?? 0, true);
      this.watcher?.wrote(gpa + 4 * index, 4);
    }
    return true;
  }

  place(gpa: number, sizeBytes: number): MemoryPlace | undefined {
    if (!this.contains(gpa, sizeBytes)) return undefined;
    this.#strike(gpa);
    return { gpa, sizeBytes, bytes: this.bytes, start: gpa };
  }

  fence(): void {
    this.#probe?.step();
  }

  #strike(gpa: number): void {
    if (this.#strikes.length === 0) return;
    this.#reads += 1;
    for (const { after, offset, value } of this.#strikes) {
      const at = gpa + offset;
      if (after === this.#reads && at + 4 <= this.bytes.length) this.words.setUint32(at, value, true);
    }
  }
}
