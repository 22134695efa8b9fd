/** Where a reader of a ring goes on. */
export interface TraceCursor {
  readonly offset: number;
  readonly sequence: number;
}

/** Records that a reader is given: each a `u32` with its length, little-endian, and its bytes. */
export interface TraceChunk {
  readonly records: Uint8Array;
  /** Records before these that the reader should have had, and that are gone. */
  readonly lost: number;
}

const LENGTH_BYTES = 4;
const ALIGN_BYTES = 8;
/** In place of a length: nothing more until the memory’s end. */
const SKIP = 0xffff_ffff;

/**
 * The last records, in memory of a fixed size: when it is full, the oldest make room. Readers go at their own pace, each a number
 * here, and are told how many they have missed. Offsets count all bytes that were ever written.
 */
export class TraceRing {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #head = 0;
  #tail = 0;
  #firstSequence = 0;
  #nextSequence = 0;

  /** `sizeBytes`: a multiple of 8. */
  constructor(sizeBytes: number) {
    if (sizeBytes <= 0 || sizeBytes % ALIGN_BYTES !== 0) throw new RangeError(`a ring of ${sizeBytes} bytes`);
    this.#bytes = new Uint8Array(sizeBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get sizeBytes(): number {
    return this.#bytes.byteLength;
  }

  /** Number that the next record gets. */
  get nextSequence(): number {
    return this.#nextSequence;
  }

  /** Bytes of the ring; only what {@link reserve} gave may be written. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get view(): DataView {
    return this.#view;
  }

  /** Room for one record of `sizeBytes`, for the caller to fill before anybody reads: where it is in {@link bytes}. */
  reserve(sizeBytes: number): number {
    const space = spaceFor(sizeBytes);
    const ring = this.#bytes.byteLength;
    if (space > ring) throw new RangeError(`a record of ${sizeBytes} bytes in a ring of ${ring}`);
    const toEnd = ring - (this.#head % ring);
    const start = toEnd < space ? this.#head + toEnd : this.#head;
    while (this.#tail < this.#head && start + space - this.#tail > ring) this.#dropOldest();
    if (this.#tail === this.#head) this.#tail = start;
    else if (start !== this.#head) this.#view.setUint32(this.#head % ring, SKIP, true);
    const at = start % ring;
    this.#view.setUint32(at, sizeBytes, true);
    this.#head = start + space;
    this.#nextSequence += 1;
    return at + LENGTH_BYTES;
  }

  /** Whether the record of that number is still there. */
  holds(sequence: number): boolean {
    return sequence >= this.#firstSequence && sequence < this.#nextSequence;
  }

  /** Where a reader begins that wants what comes from now on. */
  end(): TraceCursor {
    return { offset: this.#head, sequence: this.#nextSequence };
  }

  /** Whole records from `cursor` on, together at most `maxBytes` or just one; undefined: there is none yet. */
  read(cursor: TraceCursor, maxBytes: number): { readonly chunk: TraceChunk; readonly next: TraceCursor } | undefined {
    const isBehind = cursor.offset < this.#tail;
    let offset = isBehind ? this.#tail : cursor.offset;
    let sequence = isBehind ? this.#firstSequence : cursor.sequence;
    const lost = sequence - cursor.sequence;
    const parts: Uint8Array[] = [];
    let total = 0;
    while (offset < this.#head) {
      const record = this.#recordAt(offset);
      if (record !== undefined) {
        if (total > 0 && total + record.byteLength > maxBytes) break;
        parts.push(record);
        total += record.byteLength;
        sequence += 1;
      }
      offset = this.#after(offset);
    }
    if (parts.length === 0) return undefined;
    return { chunk: { records: joined(parts, total), lost }, next: { offset, sequence } };
  }

  #dropOldest(): void {
    if (this.#recordAt(this.#tail) !== undefined) this.#firstSequence += 1;
    this.#tail = this.#after(this.#tail);
  }

  /** With its length before it; undefined: the rest of the memory is skipped. */
  #recordAt(offset: number): Uint8Array | undefined {
    const at = offset % this.#bytes.byteLength;
    const sizeBytes = this.#view.getUint32(at, true);
    return sizeBytes === SKIP ? undefined : this.#bytes.subarray(at, at + LENGTH_BYTES + sizeBytes);
  }

  #after(offset: number): number {
    const ring = this.#bytes.byteLength;
    const sizeBytes = this.#view.getUint32(offset % ring, true);
    return sizeBytes === SKIP ? offset + ring - (offset % ring) : offset + spaceFor(sizeBytes);
  }
}

function spaceFor(sizeBytes: number): number {
  return Math.ceil((LENGTH_BYTES + sizeBytes) / ALIGN_BYTES) * ALIGN_BYTES;
}

function joined(parts: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}
