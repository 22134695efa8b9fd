import type { DmaRegion } from '../function.ts';

/**
 * All that a software function sees of a guest: its memory by address, copied. An address that isn't all RAM is refused, and
 * nothing is copied then.
 */
export interface GuestMemory {
  contains(gpa: number, sizeBytes: number): boolean;
  read(gpa: number, target: Uint8Array): boolean;
  write(gpa: number, source: Uint8Array): boolean;
  /** The memory itself, for data that is put there and not looked at; not to be kept. */
  view(gpa: number, sizeBytes: number): Uint8Array | undefined;
  /** What was written before is seen by other processors before anything is read after. */
  fence(): void;
}

/** The memory that a borrower has made reachable by DMA. */
export class DmaMemory implements GuestMemory {
  readonly #regions: readonly DmaRegion[];
  readonly #fence = new Int32Array(new SharedArrayBuffer(4));

  constructor(regions: readonly DmaRegion[]) {
    this.#regions = regions;
  }

  contains(gpa: number, sizeBytes: number): boolean {
    return this.#regionOf(gpa, sizeBytes) !== undefined;
  }

  read(gpa: number, target: Uint8Array): boolean {
    const source = this.#find(gpa, target.byteLength);
    if (source === undefined) return false;
    copy(source, target);
    return true;
  }

  write(gpa: number, source: Uint8Array): boolean {
    const target = this.#find(gpa, source.byteLength);
    if (target === undefined) return false;
    copy(source, target);
    return true;
  }

  view(gpa: number, sizeBytes: number): Uint8Array | undefined {
    return this.#find(gpa, sizeBytes);
  }

  fence(): void {
    // A locked instruction, which orders a store before a later load; plain accesses don't, on x86 either.
    Atomics.add(this.#fence, 0, 1);
  }

  #find(gpa: number, sizeBytes: number): Uint8Array | undefined {
    const region = this.#regionOf(gpa, sizeBytes);
    return region?.bytes.subarray(gpa - region.gpa, gpa - region.gpa + sizeBytes);
  }

  #regionOf(gpa: number, sizeBytes: number): DmaRegion | undefined {
    if (!Number.isSafeInteger(gpa) || gpa < 0) return undefined;
    return this.#regions.find((region) => gpa >= region.gpa && gpa + sizeBytes <= region.gpa + region.sizeBytes);
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

  view(gpa: number, sizeBytes: number): Uint8Array | undefined {
    return this.#open() ? this.#memory.view(gpa, sizeBytes) : undefined;
  }

  fence(): void {
    this.#memory.fence();
  }
}
