import type { GuestMemory } from '../hyperv/index.ts';
import { Refusal, RefusalCode } from './refusal.ts';

const PAGE_SIZE_BYTES = 4096;
const RANGE_HEADER_BYTES = 8;
const PAGE_NUMBER_BYTES = 8;

/** One buffer in guest memory: `byteCount` bytes from `byteOffset` of the first page on. Pages need not be neighbours. */
export interface GpadlRange {
  readonly byteCount: number;
  readonly byteOffset: number;
  readonly gpns: readonly number[];
}

/** The most pages a range buffer of this many bytes can list. */
export function maxPagesIn(rangeBufferBytes: number): number {
  return Math.floor(rangeBufferBytes / PAGE_NUMBER_BYTES);
}

/**
 * Reads a whole range buffer (Linux 6.1 include/linux/hyperv.h, struct gpa_range): each range is `u32 byte count, u32 byte
 * offset`, then its page numbers. The ranges must fill the buffer exactly and every page be guest RAM.
 */
export function decodeRanges(
  buffer: Uint8Array,
  rangeCount: number,
  memory: GuestMemory,
): readonly GpadlRange[] | Refusal {
  const invalid = (text: string): Refusal => new Refusal(RefusalCode.gpadlInvalid, text);
  if (rangeCount === 0) return invalid('a GPADL without ranges');
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const ranges: GpadlRange[] = [];
  let at = 0;
  while (ranges.length < rangeCount) {
    if (buffer.byteLength - at < RANGE_HEADER_BYTES)
      return invalid(`range ${ranges.length} of ${rangeCount} is missing`);
    const byteCount = view.getUint32(at, true);
    const byteOffset = view.getUint32(at + 4, true);
    at += RANGE_HEADER_BYTES;
    if (byteCount === 0) return invalid(`range ${ranges.length} is empty`);
    if (byteOffset >= PAGE_SIZE_BYTES)
      return invalid(`range ${ranges.length} starts ${byteOffset} bytes into its first page`);
    const pageCount = Math.ceil((byteOffset + byteCount) / PAGE_SIZE_BYTES);
    if (pageCount > maxPagesIn(buffer.byteLength - at)) {
      return invalid(`range ${ranges.length} has ${pageCount} pages and lists ${maxPagesIn(buffer.byteLength - at)}`);
    }
    const gpns: number[] = [];
    for (; gpns.length < pageCount; at += PAGE_NUMBER_BYTES) {
      const gpn = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
      // A number too large to be exact is far beyond any RAM, which `contains` says as well.
      if (!memory.contains(gpn * PAGE_SIZE_BYTES, PAGE_SIZE_BYTES))
        return invalid(`page 0x${gpn.toString(16)} is not RAM`);
      gpns.push(gpn);
    }
    ranges.push({ byteCount, byteOffset, gpns });
  }
  if (at !== buffer.byteLength) return invalid(`${buffer.byteLength - at} bytes are left over behind the last range`);
  return ranges;
}
