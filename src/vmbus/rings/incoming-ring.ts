import { ChannelFault, type IncomingPacket } from '../packet-channel.ts';
import {
  COMPLETION_REQUESTED,
  PACKET_FOOTER,
  PACKET_HEADER,
  PacketType,
  PENDING_SEND_SIZE_MASK,
  UNIT_BYTES,
} from './ring-layout.ts';
import type { RingMemory } from './ring-memory.ts';

/** A packet, and whether its writer waits for the room that it left. */
export interface ReadResult {
  readonly packet: IncomingPacket;
  /** The writer asked to be signalled, and this read opened the room it waits for. */
  readonly signalWriter: boolean;
}

const MIN_PACKET_BYTES = PACKET_HEADER.sizeBytes + PACKET_FOOTER.sizeBytes;

/** The reading end of a ring. Its read index is its own: what the page says after the start is never believed. */
export class IncomingRing {
  readonly #memory: RingMemory;
  #readIndex: number;

  /** Goes on where the header page says. Throws a {@link ChannelFault} if that is impossible. */
  constructor(memory: RingMemory) {
    this.#memory = memory;
    this.#readIndex = memory.loadIndex('readIndex');
    memory.loadIndex('writeIndex');
  }

  get readIndex(): number {
    return this.#readIndex;
  }

  isEmpty(): boolean {
    return this.#memory.loadIndex('writeIndex') === this.#readIndex;
  }

  /** Asks the writer to signal new packets, or not to. Look at {@link isEmpty} after asking for signals again. */
  setSignalsWanted(wanted: boolean): void {
    this.#memory.storeWord('interruptMask', wanted ? 0 : 1);
  }

  /**
   * Takes the next packet out: copied first, checked on the copy, its room given back to the writer. Undefined when there
   * is none. Throws a {@link ChannelFault} for indices or headers that no honest writer produces.
   */
  read(): ReadResult | undefined {
    const memory = this.#memory;
    const available = memory.distance(this.#readIndex, memory.loadIndex('writeIndex'));
    if (available === 0) return undefined;
    if (available < MIN_PACKET_BYTES) throw new ChannelFault(`${available} bytes in the ring are less than any packet`);

    const header = new Uint8Array(PACKET_HEADER.sizeBytes);
    memory.copyOut(this.#readIndex, header);
    const view = new DataView(header.buffer);
    const { type, dataOffsetUnits, lengthUnits, flags, transactionId } = PACKET_HEADER.fields;
    const kind = packetKind(view.getUint16(type.offset, true));
    const dataOffset = view.getUint16(dataOffsetUnits.offset, true) * UNIT_BYTES;
    const length = view.getUint16(lengthUnits.offset, true) * UNIT_BYTES;
    if (dataOffset < PACKET_HEADER.sizeBytes || dataOffset > length) {
      throw new ChannelFault(`payload at ${dataOffset} in a packet of ${length} bytes`);
    }
    const space = length + PACKET_FOOTER.sizeBytes;
    if (space > available) throw new ChannelFault(`a packet of ${length} bytes and its footer in ${available} bytes`);

    const payload = new Uint8Array(length - dataOffset);
    memory.copyOut(memory.advance(this.#readIndex, dataOffset), payload);
    const packet: IncomingPacket = {
      kind,
      transactionId: view.getBigUint64(transactionId.offset, true),
      completionRequested: (view.getUint16(flags.offset, true) & COMPLETION_REQUESTED) !== 0,
      payload,
    };
    return { packet, signalWriter: this.#release(space) };
  }

  /** Gives room back. The index must be visible before the pending size is looked at, or both sides could sleep. */
  #release(space: number): boolean {
    const memory = this.#memory;
    this.#readIndex = memory.advance(this.#readIndex, space);
    memory.storeWord('readIndex', this.#readIndex);
    const pending = (memory.loadWord('pendingSendSize') & PENDING_SEND_SIZE_MASK) >>> 0;
    if (pending === 0) return false;
    const free = memory.free(this.#readIndex, memory.loadIndex('writeIndex'));
    return free > pending && free - space <= pending;
  }
}

function packetKind(type: number): IncomingPacket['kind'] {
  if (type === PacketType.inBand) return 'in-band';
  if (type === PacketType.completion) return 'completion';
  throw new ChannelFault(`packet type ${type}; only in-band packets and completions are served`);
}
