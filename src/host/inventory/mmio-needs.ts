import type { HostFunction } from './host-function.ts';

const pageBytes = 4096;

/** The memory-mapped space that a guest needs for a function's BARs. */
export interface MmioNeeds {
  /** For 32-bit BARs. */
  readonly below4GiBytes: number;
  /** For 64-bit BARs. */
  readonly above4GiBytes: number;
}

/** Each BAR takes whole pages, and lies at a multiple of its size: the space must be so aligned, too. I/O ports need none. */
export function mmioNeeds(fn: HostFunction): MmioNeeds {
  let [below4GiBytes, above4GiBytes] = [0, 0];
  for (const { kind, sizeBytes } of fn.bars) {
    const wholePages = Math.ceil(sizeBytes / pageBytes) * pageBytes;
    if (kind === 'memory32') below4GiBytes += wholePages;
    if (kind === 'memory64') above4GiBytes += wholePages;
  }
  return { below4GiBytes, above4GiBytes };
}
