import type { GuestMemory, GuestPage } from '../guest-memory.ts';

const PAGE_SIZE_BYTES = 4096;

/** A stretch of guest RAM: `pageCount` pages from page number `gpn` on. */
export interface RamRange {
  readonly gpn: number;
  readonly pageCount: number;
}

interface Region {
  readonly startGpa: number;
  readonly endGpa: number;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
}

/**
 * Guest RAM for tests: ordinary shared memory behind the {@link GuestMemory} seam, with holes wherever no range was
 * given. Beside what the seam asks for it has `peek` and `poke`, the guest's own view of its RAM, which throw where a
 * test names an address that isn't RAM.
 */
export class PlainGuestMemory implements GuestMemory {
  readonly #regions: readonly Region[];

  /** @param ranges page-granular RAM; ranges must not overlap. Default: 16 MiB from address 0. */
  constructor(ranges: readonly RamRange[] = [{ gpn: 0, pageCount: 4096 }]) {
    this.#regions = ranges
      .map(({ gpn, pageCount }) => ({
        startGpa: gpn * PAGE_SIZE_BYTES,
        endGpa: (gpn + pageCount) * PAGE_SIZE_BYTES,
        bytes: new Uint8Array(new SharedArrayBuffer(pageCount * PAGE_SIZE_BYTES)),
      }))
      .sort((a, b) => a.startGpa - b.startGpa);
    for (const [index, region] of this.#regions.entries()) {
      const next = this.#regions[index + 1];
      if (next !== undefined && next.startGpa < region.endGpa) throw new RangeError('RAM ranges overlap');
    }
  }

  contains(gpa: number, sizeBytes: number): boolean {
    if (!Number.isSafeInteger(gpa) || !Number.isSafeInteger(sizeBytes) || gpa < 0 || sizeBytes < 0) return false;
    let at = gpa;
    const end = gpa + sizeBytes;
    // The ranges are sorted, so one that starts where another ends continues the stretch.
    for (const { startGpa, endGpa } of this.#regions) {
      if (startGpa <= at && at < endGpa) at = endGpa;
      if (at >= end) return true;
    }
    return false;
  }

  copyOut(gpa: number, target: Uint8Array): boolean {
    return this.#copy(gpa, target.byteLength, (ram, offset) => target.set(ram, offset));
  }

  copyIn(gpa: number, source: Uint8Array): boolean {
    return this.#copy(gpa, source.byteLength, (ram, offset) =>
      ram.set(source.subarray(offset, offset + ram.byteLength)),
    );
  }

  page(gpn: number): GuestPage | undefined {
    const gpa = gpn * PAGE_SIZE_BYTES;
    const region = this.#regions.find(({ startGpa, endGpa }) => startGpa <= gpa && gpa < endGpa);
    if (region === undefined || !Number.isInteger(gpn)) {
      return undefined;
    }
    const { startGpa, bytes } = region;
    return {
      bytes: new Uint8Array(bytes.buffer, gpa - startGpa, PAGE_SIZE_BYTES),
      words: new Int32Array(bytes.buffer, gpa - startGpa, PAGE_SIZE_BYTES / 4),
    };
  }

  /** A copy of `sizeBytes` bytes of guest RAM. */
  peek(gpa: number, sizeBytes: number): Uint8Array {
    const copy = new Uint8Array(sizeBytes);
    if (!this.copyOut(gpa, copy)) throw new RangeError(`no RAM at ${gpa} + ${sizeBytes}`);
    return copy;
  }

  /** Writes guest RAM as the guest would. */
  poke(gpa: number, source: Uint8Array): void {
    if (!this.copyIn(gpa, source)) throw new RangeError(`no RAM at ${gpa} + ${source.byteLength}`);
  }

  #copy(gpa: number, sizeBytes: number, move: (ram: Uint8Array, offset: number) => void): boolean {
    if (!this.contains(gpa, sizeBytes)) return false;
    const end = gpa + sizeBytes;
    for (const { startGpa, endGpa, bytes } of this.#regions) {
      const from = Math.max(gpa, startGpa);
      const to = Math.min(end, endGpa);
      if (from < to) move(bytes.subarray(from - startGpa, to - startGpa), from - gpa);
    }
    return true;
  }
}
