/** How much of what the guest printed last is kept for a manager that connects later. */
const KEPT_BYTES = 64 * 1024;

/** The end of what a guest printed, by offsets that count from its start. Bounded, whatever the guest prints. */
export class ConsoleRing {
  readonly #ring: Uint8Array;
  #total = 0;

  constructor(sizeBytes: number = KEPT_BYTES) {
    this.#ring = new Uint8Array(sizeBytes);
  }

  /** All that was printed, kept or not. */
  get totalBytes(): number {
    return this.#total;
  }

  push(bytes: Uint8Array): void {
    const kept = bytes.subarray(Math.max(0, bytes.byteLength - this.#ring.byteLength));
    this.#total += bytes.byteLength - kept.byteLength;
    const at = this.#total % this.#ring.byteLength;
    const first = kept.subarray(0, this.#ring.byteLength - at);
    this.#ring.set(first, at);
    this.#ring.set(kept.subarray(first.byteLength), 0);
    this.#total += kept.byteLength;
  }

  /** At most `maxBytes` from `offset` on, or from the oldest that is kept; undefined: nothing was printed after it. */
  read(offset: number, maxBytes: number): { readonly offset: number; readonly bytes: Uint8Array } | undefined {
    const from = Math.max(offset, this.#total - this.#ring.byteLength, 0);
    if (from >= this.#total) return undefined;
    const at = from % this.#ring.byteLength;
    const sizeBytes = Math.min(maxBytes, this.#total - from, this.#ring.byteLength - at);
    return { offset: from, bytes: this.#ring.slice(at, at + sizeBytes) };
  }
}
