import { addressValue, type GuestAddress } from './command.ts';
import type { GuestMemory } from './guest-memory.ts';
import { pageBytes } from './registers.ts';
import { NvmeStatus } from './status.ts';

/** A piece of guest memory that a command's data goes to or comes from. All of it is RAM. */
export interface Segment {
  readonly gpa: number;
  readonly sizeBytes: number;
}

const entryBytes = 8;
const entriesPerPage = pageBytes / entryBytes;

/** What a command says about where its data is. */
export interface DataPointer {
  readonly prp1: GuestAddress;
  readonly prp2: GuestAddress;
}

/**
 * Follows physical region pages to the pieces of memory for `sizeBytes` of data, neighbouring ones joined; or the status that
 * the command ends with. NVM Express Base Specification 1.4, 4.3 and figure 109. Bounded by the size: each page of a list
 * but the first must begin at its page's start, so it names 511 pages at least, wherever it lies.
 */
export function followPrps(
  memory: GuestMemory,
  { prp1, prp2 }: DataPointer,
  sizeBytes: number,
): Segment[] | NvmeStatus {
  // The offset into the first page is in dwords.
  if ((prp1.low & 0x3) !== 0) return NvmeStatus.invalidPrpOffset;
  const walk = new Walk(memory);
  const first = Math.min(sizeBytes, pageBytes - (prp1.low % pageBytes));
  if (!walk.add(addressValue(prp1), first)) return NvmeStatus.dataTransferError;
  const left = sizeBytes - first;
  if (left === 0) return walk.segments;
  if (left <= pageBytes) {
    if (prp2.low % pageBytes !== 0) return NvmeStatus.invalidPrpOffset;
    return walk.add(addressValue(prp2), left) ? walk.segments : NvmeStatus.dataTransferError;
  }
  return walk.followList(prp2, left) ?? walk.segments;
}

class Walk {
  readonly segments: Segment[] = [];
  readonly #memory: GuestMemory;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  add(gpa: number, sizeBytes: number): boolean {
    if (!this.#memory.contains(gpa, sizeBytes)) return false;
    const last = this.segments.at(-1);
    const joined = last !== undefined && last.gpa + last.sizeBytes === gpa;
    if (joined && this.#memory.contains(last.gpa, last.sizeBytes + sizeBytes)) {
      this.segments[this.segments.length - 1] = { gpa: last.gpa, sizeBytes: last.sizeBytes + sizeBytes };
    } else {
      this.segments.push({ gpa, sizeBytes });
    }
    return true;
  }

  /** Undefined: all is followed. */
  followList(pointer: GuestAddress, sizeBytes: number): NvmeStatus | undefined {
    if (pointer.low % entryBytes !== 0) return NvmeStatus.invalidPrpOffset;
    let list = pointer;
    let left = sizeBytes;
    while (left > 0) {
      const needed = Math.ceil(left / pageBytes);
      const room = entriesPerPage - (list.low % pageBytes) / entryBytes;
      // The last place of a page leads on where what is needed doesn't fit.
      const chained = needed > room;
      const view = this.#readList(list, chained ? room : needed);
      if (view === undefined) return NvmeStatus.dataTransferError;
      const pages = chained ? room - 1 : needed;
      for (let index = 0; index < pages; index += 1) {
        const low = view.getUint32(index * entryBytes, true);
        const high = view.getUint32(index * entryBytes + 4, true);
        if (low % pageBytes !== 0) return NvmeStatus.invalidPrpOffset;
        const part = Math.min(left, pageBytes);
        if (!this.add(high * 2 ** 32 + low, part)) return NvmeStatus.dataTransferError;
        left -= part;
      }
      if (!chained) return undefined;
      list = { low: view.getUint32(pages * entryBytes, true), high: view.getUint32(pages * entryBytes + 4, true) };
      if (list.low % pageBytes !== 0) return NvmeStatus.invalidPrpOffset;
    }
    return undefined;
  }

  #readList(list: GuestAddress, count: number): DataView | undefined {
    const bytes = new Uint8Array(count * entryBytes);
    return this.#memory.read(addressValue(list), bytes) ? new DataView(bytes.buffer) : undefined;
  }
}

/** Copies to where a command wants its data. All pieces are RAM: {@link followPrps} has looked. */
export function scatter(memory: GuestMemory, segments: readonly Segment[], source: Uint8Array): boolean {
  let at = 0;
  for (const { gpa, sizeBytes } of segments) {
    if (!memory.write(gpa, source.subarray(at, at + sizeBytes))) return false;
    at += sizeBytes;
  }
  return true;
}

/** The other way round; `target` is as long as the pieces together. */
export function gather(memory: GuestMemory, segments: readonly Segment[], target: Uint8Array): boolean {
  let at = 0;
  for (const { gpa, sizeBytes } of segments) {
    if (!memory.read(gpa, target.subarray(at, at + sizeBytes))) return false;
    at += sizeBytes;
  }
  return true;
}

/** The pieces themselves; undefined: not all of them are there any more. */
export function viewsOf(memory: GuestMemory, segments: readonly Segment[]): Uint8Array[] | undefined {
  const views: Uint8Array[] = [];
  for (const { gpa, sizeBytes } of segments) {
    const view = memory.view(gpa, sizeBytes);
    if (view === undefined) return undefined;
    views.push(view);
  }
  return views;
}
