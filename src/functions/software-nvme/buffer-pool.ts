const smallestShift = 12;
/** Bytes that lie about unused. */
const maxKeptBytes = 8 * 2 ** 20;

/** Memory of this process for data on its way between a guest and a storage, used again: allocating it takes longer than copying. */
export class BufferPool {
  readonly #free = new Map<number, Uint8Array[]>();
  #keptBytes = 0;

  /** At least `sizeBytes`; what is in it is anything. */
  take(sizeBytes: number): Uint8Array {
    const shift = Math.max(smallestShift, Math.ceil(Math.log2(Math.max(sizeBytes, 1))));
    const buffer = this.#free.get(shift)?.pop();
    if (buffer === undefined) return new Uint8Array(2 ** shift);
    this.#keptBytes -= buffer.byteLength;
    return buffer;
  }

  giveBack(buffer: Uint8Array): void {
    if (this.#keptBytes + buffer.byteLength > maxKeptBytes) return;
    this.#keptBytes += buffer.byteLength;
    const shift = Math.log2(buffer.byteLength);
    const free = this.#free.get(shift);
    if (free === undefined) this.#free.set(shift, [buffer]);
    else free.push(buffer);
  }
}
