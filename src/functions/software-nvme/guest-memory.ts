import type { BytePlace } from '../../linux/index.ts';
import type { DmaRegion } from '../function.ts';

const dwordBytes = 4;

/** A piece of guest memory. What is in it is for data that is put there and not looked at; not to be kept. */
export interface MemoryPlace extends BytePlace {
  readonly gpa: number;
}

/**
 * All that a software function sees of a guest: its memory by address, copied. An address that isn't all RAM is refused, and
 * nothing is copied then.
 */
export interface GuestMemory {
  contains(gpa: number, sizeBytes: number): boolean;
  read(gpa: number, target: Uint8Array): boolean;
  write(gpa: number, source: Uint8Array): boolean;
  /** Whole dwords, from a multiple of four on, each read once. Those behind `count` stay. */
  readDwords(gpa: number, target: Uint32Array, count: number): boolean;
  /** The same the other way round, in order: whoever sees the last one sees the others. */
  writeDwords(gpa: number, source: Uint32Array, count: number): boolean;
  /** Where an address is. */
  place(gpa: number, sizeBytes: number): MemoryPlace | undefined;
  /** What was written before is seen by other processors before anything is read after. */
  fence(): void;
}

interface Region {
  readonly gpa: number;
  readonly end: number;
  readonly bytes: Uint8Array;
  readonly dwords: Uint32Array;
}

/** The memory that a borrower has made reachable by DMA. */
export class DmaMemory implements GuestMemory {
  readonly #regions: readonly Region[];
  readonly #fence = new Int32Array(new SharedArrayBuffer(4));

  /** Regions begin at whole pages, here as in the guest. */
  constructor(regions: readonly DmaRegion[]) {
    this.#regions = regions.map(({ gpa, sizeBytes, bytes }) => ({
      gpa,
      end: gpa + sizeBytes,
      bytes,
      dwords: new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(sizeBytes / dwordBytes)),
    }));
  }

  contains(gpa: number, sizeBytes: number): boolean {
    return this.#regionOf(gpa, sizeBytes) !== undefined;
  }

  read(gpa: number, target: Uint8Array): boolean {
    const region = this.#regionOf(gpa, target.byteLength);
    if (region === undefined) return false;
    const start = gpa - region.gpa;
    copy(region.bytes.subarray(start, start + target.byteLength), target);
    return true;
  }

  write(gpa: number, source: Uint8Array): boolean {
    const region = this.#regionOf(gpa, source.byteLength);
    if (region === undefined) return false;
    const start = gpa - region.gpa;
    copy(source, region.bytes.subarray(start, start + source.byteLength));
    return true;
  }

  readDwords(gpa: number, target: Uint32Array, count: number): boolean {
    const region = this.#regionOf(gpa, count * dwordBytes);
    if (region === undefined || gpa % dwordBytes !== 0) return false;
    const { dwords } = region;
    const start = (gpa - region.gpa) / dwordBytes;
    for (let index = 0; index < count; index += 1) target[index] = dwords[start + index] ?? 0;
    return true;
  }

  writeDwords(gpa: number, source: Uint32Array, count: number): boolean {
    const region = this.#regionOf(gpa, count * dwordBytes);
    if (region === undefined || gpa % dwordBytes !== 0) return false;
    const { dwords } = region;
    const start = (gpa - region.gpa) / dwordBytes;
    const last = count - 1;
    for (let index = 0; index < last; index += 1) dwords[start + index] = source[index] ?? 0;
    // An ordered store: those before are not put off behind it.
    if (last >= 0) Atomics.store(dwords, start + last, source[last] ?? 0);
    return true;
  }

  place(gpa: number, sizeBytes: number): MemoryPlace | undefined {
    const region = this.#regionOf(gpa, sizeBytes);
    return region === undefined ? undefined : { gpa, sizeBytes, bytes: region.bytes, start: gpa - region.gpa };
  }

  fence(): void {
    // A locked instruction, which orders a store before a later load; plain accesses don't, on x86 either.
    Atomics.add(this.#fence, 0, 1);
  }

  /** Addresses are whole; those that are too large to be exact lie behind every region. */
  #regionOf(gpa: number, sizeBytes: number): Region | undefined {
    const regions = this.#regions;
    for (let index = 0; index < regions.length; index += 1) {
      const region = regions[index];
      if (region !== undefined && gpa >= region.gpa && gpa + sizeBytes <= region.end) return region;
    }
    return undefined;
  }
}

/** From here on Node's own copy is the faster one: V8's goes word by word where memory is shared. */
const manyBytes = 512;

function copy(source: Uint8Array, target: Uint8Array): void {
  if (source.byteLength < manyBytes) target.set(source);
  else Buffer.from(source.buffer, source.byteOffset, source.byteLength).copy(target);
}

/** Guest memory while `open` says so; otherwise nothing is there. */
export class GatedMemory implements GuestMemory {
  readonly #memory: GuestMemory;
  readonly #open: () => boolean;

  constructor(memory: GuestMemory, open: () => boolean) {
    this.#memory = memory;
    this.#open = open;
  }

  contains(gpa: number, sizeBytes: number): boolean {
    return this.#open() && this.#memory.contains(gpa, sizeBytes);
  }

  read(gpa: number, target: Uint8Array): boolean {
    return this.#open() && this.#memory.read(gpa, target);
  }

  write(gpa: number, source: Uint8Array): boolean {
    return this.#open() && this.#memory.write(gpa, source);
  }

  readDwords(gpa: number, target: Uint32Array, count: number): boolean {
    return this.#open() && this.#memory.readDwords(gpa, target, count);
  }

  writeDwords(gpa: number, source: Uint32Array, count: number): boolean {
    return this.#open() && this.#memory.writeDwords(gpa, source, count);
  }

  place(gpa: number, sizeBytes: number): MemoryPlace | undefined {
    return this.#open() ? this.#memory.place(gpa, sizeBytes) : undefined;
  }

  fence(): void {
    this.#memory.fence();
  }
}
