import {
  COMPLETION_REQUESTED,
  MAX_PACKET_PAYLOAD_BYTES,
  PACKET_FOOTER,
  PACKET_HEADER,
  PacketType,
  packetSpace,
  padded,
  UNIT_BYTES,
} from './ring-layout.ts';
import type { RingMemory } from './ring-memory.ts';

export interface OutgoingPacket {
  readonly kind: 'in-band' | 'completion';
  readonly transactionId: bigint;
  readonly completionRequested: boolean;
  readonly payload: Uint8Array;
}

/** What became of a packet: `full` = there's no room now; `signal` = the reader sleeps and must be signalled. */
export type WriteResult = 'full' | 'written' | 'signal';

/** The writing end of a ring. Its write index is its own. */
export class OutgoingRing {
  readonly #memory: RingMemory;
  #writeIndex: number;
  #waiting = false;

  /** Goes on where the header page says. Throws a ChannelFault if that is impossible. */
  constructor(memory: RingMemory) {
    this.#memory = memory;
    this.#writeIndex = memory.loadIndex('writeIndex');
    memory.loadIndex('readIndex');
  }

  /** Size of the data part. */
  get sizeBytes(): number {
    return this.#memory.sizeBytes;
  }

  get writeIndex(): number {
    return this.#writeIndex;
  }

  isEmpty(): boolean {
    return this.#memory.loadIndex('readIndex') === this.#writeIndex;
  }

  /** Whether a packet with this payload can ever be written: it needs less than the whole ring. */
  fits(payloadBytes: number): boolean {
    return payloadBytes <= MAX_PACKET_PAYLOAD_BYTES && packetSpace(payloadBytes) < this.#memory.sizeBytes;
  }

  /** Whether `payloadBytes` can be written now. A ring is never filled: equal indices would mean "empty". */
  hasRoom(payloadBytes: number): boolean {
    return this.#hasSpace(packetSpace(payloadBytes));
  }

  /**
   * As {@link hasRoom}, and if not, asks the reader to signal when there is room. A payload that fits no ring of this size
   * is taken to need an empty one.
   */
  awaitRoom(payloadBytes: number): boolean {
    const space = Math.min(packetSpace(payloadBytes), this.#memory.sizeBytes - UNIT_BYTES);
    if (!this.#hasSpace(space)) {
      // Set whether or not the guest knows the feature: one that doesn't ignores the word.
      this.#memory.storeWord('pendingSendSize', space);
      this.#waiting = true;
      // The reader may have made room between our look and the store; then nobody would signal.
      if (!this.#hasSpace(space)) return false;
    }
    if (this.#waiting) {
      this.#memory.storeWord('pendingSendSize', 0);
      this.#waiting = false;
    }
    return true;
  }

  /** Writes a packet if there is room. Throws a ChannelFault if the reader's index is impossible. */
  write({ kind, transactionId, completionRequested, payload }: OutgoingPacket): WriteResult {
    const memory = this.#memory;
    const space = packetSpace(payload.byteLength);
    if (!this.#hasSpace(space)) return 'full';

    const start = this.#writeIndex;
    const bytes = new Uint8Array(space);
    const view = new DataView(bytes.buffer);
    const lengthBytes = PACKET_HEADER.sizeBytes + padded(payload.byteLength);
    const { type, dataOffsetUnits, lengthUnits, flags, transactionId: id } = PACKET_HEADER.fields;
    view.setUint16(type.offset, kind === 'in-band' ? PacketType.inBand : PacketType.completion, true);
    view.setUint16(dataOffsetUnits.offset, PACKET_HEADER.sizeBytes / UNIT_BYTES, true);
    view.setUint16(lengthUnits.offset, lengthBytes / UNIT_BYTES, true);
    view.setUint16(flags.offset, completionRequested ? COMPLETION_REQUESTED : 0, true);
    view.setBigUint64(id.offset, transactionId, true);
    bytes.set(payload, PACKET_HEADER.sizeBytes);
    view.setUint32(lengthBytes + PACKET_FOOTER.fields.startOffset.offset, start, true);
    memory.copyIn(start, bytes);
    this.#writeIndex = memory.advance(start, space);
    memory.storeWord('writeIndex', this.#writeIndex);

    // Only now: a reader that emptied the ring before the store above sleeps, one that still reads will look again.
    if (memory.loadWord('interruptMask') !== 0) return 'written';
    return memory.loadIndex('readIndex') === start ? 'signal' : 'written';
  }

  #hasSpace(space: number): boolean {
    return this.#memory.free(this.#memory.loadIndex('readIndex'), this.#writeIndex) > space;
  }
}
