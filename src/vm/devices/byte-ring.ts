/**
 * A queue of bytes in shared memory: two 32-bit words (first byte's position, count) and its bytes. Not locked by itself:
 * whoever uses it holds the lock of the device it is part of.
 */
export class ByteRing {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #headIndex: number;
  readonly #countIndex: number;
  readonly #bytes: Uint8Array<SharedArrayBuffer>;

  /** `wordIndex` and the word after it are the ring's. */
  constructor(words: Int32Array<SharedArrayBuffer>, wordIndex: number, bytes: Uint8Array<SharedArrayBuffer>) {
    this.#words = words;
    this.#headIndex = wordIndex;
    this.#countIndex = wordIndex + 1;
    this.#bytes = bytes;
  }

  get count(): number {
    return this.#words[this.#countIndex] ?? 0;
  }

  get free(): number {
    return this.#bytes.length - this.count;
  }

  clear(): void {
    this.#words[this.#countIndex] = 0;
  }

  /** False, and nothing done, when the ring is full. */
  push(byte: number): boolean {
    const count = this.count;
    if (count === this.#bytes.length) return false;
    this.#bytes[(this.#head + count) % this.#bytes.length] = byte;
    this.#words[this.#countIndex] = count + 1;
    return true;
  }

  /** The first byte; undefined when the ring is empty. */
  shift(): number | undefined {
    const count = this.count;
    if (count === 0) return undefined;
    const byte = this.#bytes[this.#head];
    this.#words[this.#headIndex] = (this.#head + 1) % this.#bytes.length;
    this.#words[this.#countIndex] = count - 1;
    return byte;
  }

  get #head(): number {
    return this.#words[this.#headIndex] ?? 0;
  }
}
