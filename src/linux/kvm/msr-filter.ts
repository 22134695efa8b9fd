import { addressOf } from '../libc/library.ts';
import {
  msrFilterLayout,
  msrFilterMaxMsrs,
  msrFilterMaxRanges,
  msrFilterRangeLayout as at,
  msrFilterRangeSizeBytes,
  msrFilterSizeBytes,
} from './layouts.ts';

/** MSRs that KVM doesn't handle: accesses leave for user space (with {@link Capability.userSpaceMsr}) or fault. */
export interface DeniedMsrs {
  readonly base: number;
  readonly count: number;
  /** Which accesses; both unless told otherwise. */
  readonly access?: 'read' | 'write' | 'both';
  /** MSRs of the range that KVM goes on handling. */
  readonly except?: readonly number[];
}

const accessFlags = { read: 1, write: 2, both: 3 } as const;

/**
 * struct kvm_msr_filter that allows everything but `ranges`. Keep `bitmaps` until the ioctl is done: `filter` holds
 * their addresses.
 */
export function encodeMsrFilter(ranges: readonly DeniedMsrs[]): { filter: Uint8Array; bitmaps: readonly Uint8Array[] } {
  if (ranges.length > msrFilterMaxRanges) {
    throw new RangeError(`an MSR filter has at most ${msrFilterMaxRanges} ranges; ${ranges.length} were asked for`);
  }
  const filter = new Uint8Array(msrFilterSizeBytes);
  const view = new DataView(filter.buffer);
  const bitmaps = ranges.map((range, i) => {
    if (range.count < 1 || range.count > msrFilterMaxMsrs) {
      throw new RangeError(`a range of an MSR filter has 1 to ${msrFilterMaxMsrs} MSRs; ${range.count} were asked for`);
    }
    // A clear bit denies.
    const bitmap = new Uint8Array(Math.ceil(range.count / 8));
    for (const index of range.except ?? []) {
      const bit = index - range.base;
      if (bit < 0 || bit >= range.count)
        throw new RangeError(`MSR 0x${index.toString(16)} lies outside the range it is excepted from`);
      bitmap[bit >>> 3] = (bitmap[bit >>> 3] ?? 0) | (1 << (bit & 7));
    }
    const start = msrFilterLayout.ranges + i * msrFilterRangeSizeBytes;
    view.setUint32(start + at.flags, accessFlags[range.access ?? 'both'], true);
    view.setUint32(start + at.count, range.count, true);
    view.setUint32(start + at.base, range.base, true);
    view.setBigUint64(start + at.bitmap, addressOf(bitmap), true);
    return bitmap;
  });
  return { filter, bitmaps };
}
