import type { GuestMemory, GuestPage } from '../../src/hyperv/index.ts';
import type { Choices } from '../engine/choices.ts';
import type { Probe } from '../engine/probe.ts';
import { watchAtomics } from './watched-atomics.ts';

const PAGE_BYTES = 4096;

/** The guest writes `value` at `offset` from where the host has just read, right after the `after`-th read from now on. */
interface Strike {
  readonly after: number;
  readonly offset: number;
  readonly value: number;
}

/** What the memory tells a target of what the product does with it. */
export interface MemoryWatcher {
  /** A stretch was copied out, or is about to be. */
  read?(gpa: number, sizeBytes: number): void;
  /** One word was stored atomically. */
  stored?(gpa: number, value: number): void;
}

/** A page's bytes; whoever takes a part of them is about to read or write it. */
class WatchedBytes extends Uint8Array<SharedArrayBuffer> {
  taken: (offset: number, sizeBytes: number) => void = () => undefined;

  override subarray(begin = 0, end: number = this.length): Uint8Array<SharedArrayBuffer> {
    this.taken(begin, end - begin);
    return new Uint8Array(this.buffer, this.byteOffset + begin, end - begin);
  }
}

/**
 * Guest RAM that other processors of the guest change **while the host reads it**: after any read an order may change
 * what was read, so whoever looks a second time sees something else. It counts every access as a step of work, keeps what
 * was copied out since {@link calm}, and says so when something outside of RAM is named.
 */
export class HostileMemory implements GuestMemory {
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly pageCount: number;
  watcher: MemoryWatcher = {};
  readonly #view: DataView;
  readonly #words: Int32Array;
  readonly #pages: GuestPage[];
  #probe: Probe | undefined;
  #strikes: Strike[] = [];
  #reads = 0;

  constructor(pageCount: number) {
    this.pageCount = pageCount;
    const buffer = new SharedArrayBuffer(pageCount * PAGE_BYTES);
    this.bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.#words = new Int32Array(buffer);
    this.#pages = Array.from({ length: pageCount }, (_, gpn) => {
      const bytes = new WatchedBytes(buffer, gpn * PAGE_BYTES, PAGE_BYTES);
      bytes.taken = (offset, sizeBytes) => this.#read(gpn * PAGE_BYTES + offset, sizeBytes);
      return { bytes, words: new Int32Array(buffer, gpn * PAGE_BYTES, PAGE_BYTES / 4) };
    });
  }

  /** For a new run: all zeros, nothing ordered, and atomic accesses to it are seen. */
  renew(probe: Probe): this {
    this.bytes.fill(0);
    this.#probe = probe;
    this.watcher = {};
    this.calm();
    watchAtomics(this.bytes.buffer, {
      loaded: (byteOffset) => this.#read(byteOffset, 4),
      stored: (byteOffset, value) => {
        probe.step();
        this.watcher.stored?.(byteOffset, value);
      },
      flagged: () => probe.step(),
    });
    return this;
  }

  /** The guest's other processors rest. */
  calm(): void {
    this.#strikes = [];
    this.#reads = 0;
  }

  /** What they will do during the next calls: up to three changes. */
  arm(choices: Choices): void {
    this.calm();
    const count = choices.chance(96) ? 1 + choices.below(3) : 0;
    for (let i = 0; i < count; i += 1) {
      const offset = choices.chance(160) ? (choices.below(0x60) & ~3) - 0x20 : 0;
      this.#strikes.push({ after: 1 + choices.below(6), offset, value: choices.word() });
    }
  }

  contains(gpa: number, sizeBytes: number): boolean {
    return Number.isSafeInteger(gpa) && gpa >= 0 && gpa + sizeBytes <= this.bytes.length;
  }

  copyOut(gpa: number, target: Uint8Array): boolean {
    if (!this.contains(gpa, target.byteLength)) return false;
    target.set(this.bytes.subarray(gpa, gpa + target.byteLength));
    this.#read(gpa, target.byteLength);
    return true;
  }

  copyIn(gpa: number, source: Uint8Array): boolean {
    this.#probe?.step();
    if (!this.contains(gpa, source.byteLength)) return false;
    this.bytes.set(source, gpa);
    return true;
  }

  page(gpn: number): GuestPage | undefined {
    return this.#pages[gpn];
  }

  /** The guest writes; what doesn't fit is left out. */
  poke(gpa: number, source: Uint8Array): void {
    const room = this.bytes.length - gpa;
    if (room > 0) this.bytes.set(source.length <= room ? source : source.subarray(0, room), gpa);
  }

  pokeWord(gpa: number, value: number): void {
    this.#words[gpa >>> 2] = value;
  }

  word(gpa: number): number {
    return this.#view.getUint32(gpa, true);
  }

  #read(gpa: number, sizeBytes: number): void {
    this.#probe?.step();
    this.watcher.read?.(gpa, sizeBytes);
    if (this.#strikes.length === 0) return;
    this.#reads += 1;
    for (const { after, offset, value } of this.#strikes) {
      const at = gpa + offset;
      // In the page that was read: others may be none that the guest shares with this.
      if (after === this.#reads && at >= 0 && at >>> 12 === gpa >>> 12) this.#words[at >>> 2] = value;
    }
  }
}
