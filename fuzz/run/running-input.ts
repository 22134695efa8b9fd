import type { Input } from '../engine/input.ts';

const HEADER_BYTES = 8;
const PART_HEADER_BYTES = 2;
/** Larger inputs than any target has. */
export const RUNNING_INPUT_BYTES = 128 * 1024;

/**
 * The input that a worker has in hand, in memory that its supervisor sees: a worker that never comes back from one can't tell
 * which it was. The first word counts inputs, so that standing still can be told from working.
 */
export class RunningInput {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer, 0, 2);
    this.#bytes = new Uint8Array(buffer);
  }

  set(input: Input): void {
    const bytes = this.#bytes;
    let at = HEADER_BYTES;
    for (const part of input) {
      if (at + PART_HEADER_BYTES + part.length > bytes.length) break;
      bytes[at] = part.length;
      bytes[at + 1] = part.length >>> 8;
      bytes.set(part, at + PART_HEADER_BYTES);
      at += PART_HEADER_BYTES + part.length;
    }
    this.#words[1] = at;
    Atomics.add(this.#words, 0, 1);
  }

  /** Grows with each input. */
  get count(): number {
    return Atomics.load(this.#words, 0);
  }

  get(): Input {
    const parts: Uint8Array[] = [];
    const end = this.#words[1] ?? HEADER_BYTES;
    for (let at = HEADER_BYTES; at < end; ) {
      const length = (this.#bytes[at] ?? 0) | ((this.#bytes[at + 1] ?? 0) << 8);
      parts.push(this.#bytes.slice(at + PART_HEADER_BYTES, at + PART_HEADER_BYTES + length));
      at += PART_HEADER_BYTES + length;
    }
    return parts;
  }
}
