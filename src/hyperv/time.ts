/** Partition reference time: 100 ns units since the partition's TSC was zero (TLFS "Timers"). */
export const REFERENCE_TIME_HZ = 10_000_000;

const PAGE_SIZE_BYTES = 4096;
/** 0 would tell the guest to read the counter's MSR instead. */
const VALID_SEQUENCE = 1;

/** HV_REFERENCE_TSC_PAGE: TLFS "Timers"; Linux 6.1 include/clocksource/hyperv_timer.h. */
const ReferenceTscPage = { sequence: 0, scale: 8, offset: 16 } as const;

/** TIME_REF_COUNT for a monotonic reading in nanoseconds. Readings below zero count as zero. */
export function referenceTime(elapsedNs: bigint): bigint {
  return elapsedNs < 0n ? 0n : BigInt.asUintN(64, elapsedNs / 100n);
}

/** scale = 10^7 · 2^64 / tscHz, so that reference time = (tsc · scale) >> 64. */
export function referenceTscScale(tscHz: number): bigint {
  return (BigInt(REFERENCE_TIME_HZ) << 64n) / BigInt(tscHz);
}

/** The whole reference TSC page: valid at once, and never changed after that. */
export function referenceTscPage(tscHz: number): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE_BYTES);
  const view = new DataView(page.buffer);
  view.setUint32(ReferenceTscPage.sequence, VALID_SEQUENCE, true);
  view.setBigUint64(ReferenceTscPage.scale, referenceTscScale(tscHz), true);
  view.setBigInt64(ReferenceTscPage.offset, 0n, true);
  return page;
}
