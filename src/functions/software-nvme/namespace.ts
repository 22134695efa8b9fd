import type { Storage } from './storage.ts';

/** Of a logical block: the only format there is. */
export const blockShift = 9;
export const blockBytes = 1 << blockShift;

/** One disk of a controller. Its id is its place in the controller's list, from 1 on. */
export interface Namespace {
  readonly storage: Storage;
  /** 16 bytes that no other namespace anywhere has. */
  readonly uuid: Uint8Array;
}

export function blockCount({ storage }: Namespace): number {
  return Math.floor(storage.sizeBytes / blockBytes);
}

/** A range of blocks in bytes; undefined: it leaves the namespace. The first block may be any 64-bit number, in two halves. */
export function byteRange(
  namespace: Namespace,
  firstLow: number,
  firstHigh: number,
  blocks: number,
): { readonly offset: number; readonly sizeBytes: number } | undefined {
  const start = firstHigh * 2 ** 32 + firstLow;
  const total = blockCount(namespace);
  // Beyond 2⁵³ a number is rounded, and larger than any namespace all the same.
  if (start > total || blocks > total - start) return undefined;
  return { offset: start * blockBytes, sizeBytes: blocks * blockBytes };
}
