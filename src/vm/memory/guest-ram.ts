import type { DmaRegion } from '../../functions/index.ts';
import type { GuestMemory, GuestPage } from '../../hyperv/index.ts';
import { PrivateMemory } from '../../linux/index.ts';

const GIB = 1024 ** 3;
const PAGE_BYTES = 4096;
/** Below 4 GiB, guest RAM ends here at the latest; device windows and the APICs live above. */
export const LOW_RAM_LIMIT = 3 * GIB;
export const HIGH_RAM_START = 4 * GIB;
/**
 * The legacy video memory is not RAM. C0000–DFFFF, where a PC has option ROMs, is backed though no map tells of it: Linux
 * looks there for an iSCSI boot table in 16,384 reads (drivers/firmware/iscsi_ibft_find.c), and each would exit.
 * E0000–FFFFF holds the ACPI tables.
 */
const LEGACY_HOLE = { start: 0xa0000, end: 0xc0000 } as const;

/** One run of guest RAM that is contiguous both in guest-physical addresses and in the host's mapping. */
export interface RamRegion {
  readonly gpa: number;
  readonly sizeBytes: number;
  readonly backingOffset: number;
}

/** Where RAM of `sizeBytes` lies: 0–A0000, C0000 up to 3 GiB, the rest from 4 GiB on. */
export function ramRegions(sizeBytes: number): readonly RamRegion[] {
  const lowEnd = Math.min(sizeBytes, LOW_RAM_LIMIT);
  const regions: RamRegion[] = [
    { gpa: 0, sizeBytes: LEGACY_HOLE.start, backingOffset: 0 },
    { gpa: LEGACY_HOLE.end, sizeBytes: lowEnd - LEGACY_HOLE.end, backingOffset: LEGACY_HOLE.end },
  ];
  if (sizeBytes > LOW_RAM_LIMIT) {
    regions.push({ gpa: HIGH_RAM_START, sizeBytes: sizeBytes - LOW_RAM_LIMIT, backingOffset: LOW_RAM_LIMIT });
  }
  return regions;
}

/**
 * A guest's RAM: one anonymous memory, in huge pages where the kernel has them, touched only through bounds-checked addresses. Pages are populated when
 * first touched.
 */
export class GuestRam implements GuestMemory {
  readonly sizeBytes: number;
  readonly regions: readonly RamRegion[];
  readonly #memory: PrivateMemory;
  #populated: Promise<boolean> | undefined;

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
    this.regions = ramRegions(sizeBytes);
    this.#memory = PrivateMemory.create(sizeBytes);
  }

  contains(gpa: number, sizeBytes: number): boolean {
    return this.#offsetOf(gpa, sizeBytes) !== undefined;
  }

  copyOut(gpa: number, target: Uint8Array): boolean {
    const offset = this.#offsetOf(gpa, target.byteLength);
    if (offset === undefined) {
      return false;
    }
    target.set(new Uint8Array(this.#memory.buffer, this.#memory.offset + offset, target.byteLength));
    return true;
  }

  copyIn(gpa: number, source: Uint8Array): boolean {
    const offset = this.#offsetOf(gpa, source.byteLength);
    if (offset === undefined) {
      return false;
    }
    new Uint8Array(this.#memory.buffer, this.#memory.offset + offset, source.byteLength).set(source);
    return true;
  }

  /** Has `fill` fill a part of RAM in place. False: there is none, and nobody was asked. */
  fill(gpa: number, sizeBytes: number, fill: (target: Uint8Array) => void): boolean {
    const offset = this.#offsetOf(gpa, sizeBytes);
    if (offset === undefined) {
      return false;
    }
    fill(new Uint8Array(this.#memory.buffer, this.#memory.offset + offset, sizeBytes));
    return true;
  }

  page(gpn: number): GuestPage | undefined {
    const offset = Number.isSafeInteger(gpn) ? this.#offsetOf(gpn * PAGE_BYTES, PAGE_BYTES) : undefined;
    if (offset === undefined) {
      return undefined;
    }
    return {
      bytes: new Uint8Array(this.#memory.buffer, this.#memory.offset + offset, PAGE_BYTES),
      words: new Int32Array(this.#memory.buffer, this.#memory.offset + offset, PAGE_BYTES / 4),
    };
  }

  /** What a function's DMA may reach: all of RAM, at IOVA = GPA. */
  dmaRegions(): readonly DmaRegion[] {
    return this.regions.map((region) => ({
      gpa: region.gpa,
      sizeBytes: region.sizeBytes,
      hostAddress: this.#memory.address + BigInt(region.backingOffset),
      bytes: new Uint8Array(this.#memory.buffer, this.#memory.offset + region.backingOffset, region.sizeBytes),
    }));
  }

  /** See {@link PrivateMemory.populate}; once. */
  populate(): Promise<boolean> {
    this.#populated ??= this.#memory.populate();
    return this.#populated;
  }

  /** See {@link PrivateMemory.stopPopulating}. */
  stopPopulating(): void {
    this.#memory.stopPopulating();
  }

  close(): void {
    this.#memory.close();
  }

  #offsetOf(gpa: number, sizeBytes: number): number | undefined {
    if (!Number.isSafeInteger(gpa) || !Number.isSafeInteger(sizeBytes) || gpa < 0 || sizeBytes < 0) {
      return undefined;
    }
    // The hole's neighbours are split in two regions, so a range must lie within one of them.
    for (const region of this.regions) {
      if (gpa >= region.gpa && gpa + sizeBytes <= region.gpa + region.sizeBytes) {
        return region.backingOffset + (gpa - region.gpa);
      }
    }
    return undefined;
  }
}
