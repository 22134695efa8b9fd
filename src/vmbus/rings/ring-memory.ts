import type { GuestPage } from '../../hyperv/index.ts';
import { ChannelFault } from '../packet-channel.ts';
import { RING_HEADER, type RingWord, UNIT_BYTES } from './ring-layout.ts';

const PAGE_SIZE_BYTES = 4096;

/** One header page and one data page: less is no ring. */
export const MIN_RING_PAGES = 2;

/**
 * One ring in shared pages. The other side may write any of it at any moment, so whatever is read here is read once, into a
 * value of our own, and checked. Words go by `Atomics`, which also are the barriers that the protocol needs: each of
 * these accesses is sequentially consistent, and data copies don't move across them.
 */
export class RingMemory {
  /** Size of the data part. */
  readonly sizeBytes: number;
  readonly #header: GuestPage;
  readonly #data: readonly GuestPage[];

  /** @param pages the header page, then the data pages in ring order; at least {@link MIN_RING_PAGES}. */
  constructor(pages: readonly GuestPage[]) {
    const [header, ...data] = pages;
    if (header === undefined || pages.length < MIN_RING_PAGES) throw new RangeError(`a ring of ${pages.length} pages`);
    this.#header = header;
    this.#data = data;
    this.sizeBytes = data.length * PAGE_SIZE_BYTES;
  }

  loadWord(word: RingWord): number {
    return Atomics.load(this.#header.words, wordIndex(word)) >>> 0;
  }

  storeWord(word: RingWord, value: number): void {
    Atomics.store(this.#header.words, wordIndex(word), value | 0);
  }

  /** Loads an index and checks it: 8-byte units, inside the data. Throws a {@link ChannelFault}. */
  loadIndex(word: 'readIndex' | 'writeIndex'): number {
    const index = this.loadWord(word);
    if (index >= this.sizeBytes || index % UNIT_BYTES !== 0) {
      throw new ChannelFault(`${word} ${index} is impossible in a ring of ${this.sizeBytes} bytes`);
    }
    return index;
  }

  /** Bytes from `from` forward to `to`. */
  distance(from: number, to: number): number {
    return to >= from ? to - from : to - from + this.sizeBytes;
  }

  advance(index: number, bytes: number): number {
    const next = index + bytes;
    return next < this.sizeBytes ? next : next - this.sizeBytes;
  }

  /** Free bytes between the writer and the reader: all of them when the indices are equal. */
  free(readIndex: number, writeIndex: number): number {
    return this.sizeBytes - this.distance(readIndex, writeIndex);
  }

  /** Copies `target.byteLength` bytes (at most the ring) out, from `index` on and around the end. */
  copyOut(index: number, target: Uint8Array): void {
    this.#eachPiece(index, target.byteLength, (page, done) => target.set(page, done));
  }

  /** Copies `source` (at most the ring) in, from `index` on and around the end. */
  copyIn(index: number, source: Uint8Array): void {
    this.#eachPiece(index, source.byteLength, (page, done) => page.set(source.subarray(done, done + page.byteLength)));
  }

  #eachPiece(index: number, sizeBytes: number, move: (piece: Uint8Array, done: number) => void): void {
    let at = index;
    for (let done = 0; done < sizeBytes; ) {
      const page = this.#data[Math.floor(at / PAGE_SIZE_BYTES)];
      if (page === undefined) throw new RangeError(`ring offset ${at} of ${this.sizeBytes}`);
      const offset = at % PAGE_SIZE_BYTES;
      const length = Math.min(PAGE_SIZE_BYTES - offset, sizeBytes - done);
      move(page.bytes.subarray(offset, offset + length), done);
      done += length;
      at = this.advance(at, length);
    }
  }
}

function wordIndex(word: RingWord): number {
  return RING_HEADER.fields[word].offset / 4;
}
