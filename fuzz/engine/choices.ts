/** Where decoders tend to be wrong: ends of ranges, pages, signs. */
const EDGES = [
  0xffff_ffff, 0xffff_fffe, 0x7fff_ffff, 0x8000_0000, 0xffff, 0x1_0000, 0xfff, 0x1000, 0x1001, 0xff, 0x100, 240, 241,
  256,
] as const;

/**
 * What an input decides, one choice after the other. Targets build messages, accesses and orders out of choices, so that
 * each string of bytes means something, most of them something that gets far, and a small change of the bytes is a small
 * change of the meaning. Behind the end every byte is 0, which is the plainest choice: shorter inputs are simpler ones.
 */
export class Choices {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return Math.max(0, this.#bytes.length - this.#at);
  }

  byte(): number {
    const byte = this.#bytes[this.#at] ?? 0;
    this.#at += 1;
    return byte;
  }

  u16(): number {
    return this.byte() | (this.byte() << 8);
  }

  u32(): number {
    return (this.u16() | (this.u16() << 16)) >>> 0;
  }

  u64(): bigint {
    return BigInt(this.u32()) | (BigInt(this.u32()) << 32n);
  }

  /** 0 … `count` − 1. */
  below(count: number): number {
    if (count <= 1) return 0;
    return (count <= 256 ? this.byte() : count <= 0x1_0000 ? this.u16() : this.u32()) % count;
  }

  /** True `of256` times in 256; false behind the end. */
  chance(of256: number): boolean {
    return this.byte() >= 256 - of256;
  }

  pick<T>(list: readonly [T, ...T[]]): T;
  pick<T>(list: readonly T[]): T | undefined;
  pick<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)];
  }

  /** 32 bits: mostly small, or at an edge. */
  word(): number {
    switch (this.byte() & 7) {
      case 0:
      case 1:
      case 2:
        return this.byte() & 0xf;
      case 3:
        return this.byte();
      case 4:
        return ((1 << (this.byte() & 31)) + (this.byte() % 3) - 1) >>> 0;
      case 5:
        return this.u16();
      case 6:
        return EDGES[this.byte() % EDGES.length] ?? 0;
      default:
        return this.u32();
    }
  }

  /** 64 bits: mostly small, or at an edge. */
  long(): bigint {
    switch (this.byte() & 3) {
      case 0:
        return BigInt(this.word());
      case 1:
        return BigInt.asUintN(64, (1n << BigInt(this.byte() & 63)) + BigInt((this.byte() % 3) - 1));
      case 2:
        return BigInt.asUintN(64, -1n - BigInt(this.word()));
      default:
        return this.u64();
    }
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    bytes.set(this.#bytes.subarray(this.#at, this.#at + count));
    this.#at += count;
    return bytes;
  }
}
