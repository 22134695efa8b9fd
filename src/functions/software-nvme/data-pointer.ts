import { addressValue, type GuestAddress } from './command.ts';
import type { GuestMemory, MemoryPlace } from './guest-memory.ts';
import { maxTransferBytes, pageBytes } from './registers.ts';
import { NvmeStatus } from './status.ts';

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
): MemoryPlace[] | NvmeStatus {
  // The offset into the first page is in dwords.
  if ((prp1.low & 0x3) !== 0) return NvmeStatus.invalidPrpOffset;
  const gpa = addressValue(prp1);
  const first = Math.min(sizeBytes, pageBytes - (prp1.low % pageBytes));
  const left = sizeBytes - first;
  if (left === 0) {
    const only = memory.place(gpa, sizeBytes);
    return only === undefined ? NvmeStatus.dataTransferError : [only];
  }
  const walk = new Walk(memory, gpa, first);
  if (left > pageBytes) return walk.followList(prp2, left) ?? walk.end();
  if (prp2.low % pageBytes !== 0) return NvmeStatus.invalidPrpOffset;
  walk.add(addressValue(prp2), left);
  return walk.end();
}

/** Of the list that is being followed: that is over before there is another. */
const listEntries = new Uint32Array((2 * maxTransferBytes) / pageBytes);

class Walk {
  readonly #memory: GuestMemory;
  readonly #places: MemoryPlace[] = [];
  /** Pages that lie one behind the other, and may be RAM. */
  #gpa: number;
  #sizeBytes: number;
  #isRam = true;

  constructor(memory: GuestMemory, gpa: number, sizeBytes: number) {
    this.#memory = memory;
    this.#gpa = gpa;
    this.#sizeBytes = sizeBytes;
  }

  add(gpa: number, sizeBytes: number): void {
    if (this.#gpa + this.#sizeBytes === gpa) {
      this.#sizeBytes += sizeBytes;
      return;
    }
    this.#finish();
    this.#gpa = gpa;
    this.#sizeBytes = sizeBytes;
  }

  end(): MemoryPlace[] | NvmeStatus {
    this.#finish();
    return this.#isRam ? this.#places : NvmeStatus.dataTransferError;
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
      const entries = listEntries;
      const count = chained ? room : needed;
      if (!this.#memory.readDwords(addressValue(list), entries, 2 * count)) return NvmeStatus.dataTransferError;
      const pages = chained ? room - 1 : needed;
      for (let index = 0; index < pages; index += 1) {
        const low = entries[2 * index] ?? 0;
        if (low % pageBytes !== 0) return NvmeStatus.invalidPrpOffset;
        const part = Math.min(left, pageBytes);
        this.add((entries[2 * index + 1] ?? 0) * 2 ** 32 + low, part);
        left -= part;
      }
      if (!chained) return undefined;
      list = { low: entries[2 * pages] ?? 0, high: entries[2 * pages + 1] ?? 0 };
      if (list.low % pageBytes !== 0) return NvmeStatus.invalidPrpOffset;
    }
    return undefined;
  }

  #finish(): void {
    const place = this.#memory.place(this.#gpa, this.#sizeBytes);
    if (place === undefined) this.#isRam &&= this.#addPages();
    else this.#places.push(place);
  }

  /** They aren't one piece of memory; each page may be in one all the same. */
  #addPages(): boolean {
    const end = this.#gpa + this.#sizeBytes;
    for (let gpa = this.#gpa; gpa < end; ) {
      const next = Math.min(end, gpa - (gpa % pageBytes) + pageBytes);
      const place = this.#memory.place(gpa, next - gpa);
      if (place === undefined) return false;
      this.#places.push(place);
      gpa = next;
    }
    return true;
  }
}

/** Copies to where a command wants its data. All pieces are RAM: {@link followPrps} has looked. */
export function scatter(memory: GuestMemory, places: readonly MemoryPlace[], source: Uint8Array): boolean {
  let at = 0;
  for (const { gpa, sizeBytes } of places) {
    if (!memory.write(gpa, source.subarray(at, at + sizeBytes))) return false;
    at += sizeBytes;
  }
  return true;
}

/** The other way round; `target` is as long as the pieces together. */
export function gather(memory: GuestMemory, places: readonly MemoryPlace[], target: Uint8Array): boolean {
  let at = 0;
  for (const { gpa, sizeBytes } of places) {
    if (!memory.read(gpa, target.subarray(at, at + sizeBytes))) return false;
    at += sizeBytes;
  }
  return true;
}
