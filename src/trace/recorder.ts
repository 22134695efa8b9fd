import { guidToWire, type HypercallRecorder, type HypercallRegisters } from '../hyperv/index.ts';
import {
  type ChannelIdentity,
  COMPLETION_REQUESTED,
  type IncomingPacket,
  type OfferState,
  type OutgoingPacket,
  PacketType,
  type VmbusRecorder,
} from '../vmbus/index.ts';
import { VPCI_INTERFACE_ID } from '../vpci/index.ts';
import {
  CHANNEL_RECORD,
  HYPERCALL_RECORD,
  MAX_RECORD_PAYLOAD_BYTES,
  MESSAGE_RECORD,
  NO_RELID,
  NO_VP,
  OFFER_STATES,
  PACKET_RECORD,
  PacketProtocol,
  RECORD_HEADER,
  RECORD_VERSION,
  RecordDirection,
  RecordKind,
  SIGNAL_RECORD,
  STATUS_PENDING,
} from './record-layouts.ts';
import type { TraceRing } from './trace-ring.ts';

export interface TraceRecorderParts {
  readonly ring: TraceRing;
  /** Nanoseconds since 1970. */
  readonly nowNs: () => bigint;
  /** There is something new to read. */
  readonly recorded: () => void;
}

/** Requests whose completions are waited for, so that these say what they complete. Beyond, the oldest are forgotten. */
const MAX_REQUESTS = 1024;
const STATUS_BITS = 0xffffn;
const NOTHING = new Uint8Array(0);

interface Start {
  readonly kind: RecordKind;
  readonly headerBytes: number;
  readonly direction: RecordDirection;
  readonly vp?: number;
  readonly relid?: number;
  readonly protocol?: number;
  readonly payload: Uint8Array;
}

/** Writes what it hears into a ring, each thing as one record. What it is given is copied at once. */
export class TraceRecorder implements HypercallRecorder, VmbusRecorder {
  readonly #parts: TraceRecorderParts;
  readonly #ring: TraceRing;
  /** What a channel's records begin with, from the instance on. */
  readonly #channels = new WeakMap<ChannelIdentity, Uint8Array>();
  readonly #requests = new Map<string, number>();
  #hypercall: { readonly at: number; readonly sequence: number } | undefined;

  constructor(parts: TraceRecorderParts) {
    this.#parts = parts;
    this.#ring = parts.ring;
  }

  hypercall(vp: number, registers: HypercallRegisters, input: Uint8Array | undefined): void {
    const { sizeBytes: headerBytes, fields } = HYPERCALL_RECORD;
    const { nextSequence: sequence, view } = this.#ring;
    const payload = input ?? NOTHING;
    const at = this.#begin({ kind: 'hypercall', headerBytes, direction: 'guest-to-host', vp, payload });
    view.setBigUint64(at + fields.control.offset, BigInt.asUintN(64, registers.control), true);
    view.setBigUint64(at + fields.inputRegister.offset, BigInt.asUintN(64, registers.input), true);
    view.setUint16(at + fields.status.offset, STATUS_PENDING, true);
    this.#hypercall = { at, sequence };
  }

  hypercallEnded(result: bigint): void {
    const begun = this.#hypercall;
    this.#hypercall = undefined;
    // What the call led to may have filled the ring and pushed its own record out.
    if (begun === undefined || !this.#ring.holds(begun.sequence)) return;
    this.#ring.view.setUint16(begun.at + HYPERCALL_RECORD.fields.status.offset, Number(result & STATUS_BITS), true);
  }

  posted(connectionId: number, messageType: number, payload: Uint8Array): void {
    this.#message('guest-to-host', NO_VP, connectionId, messageType, payload);
  }

  sent(vp: number, messageType: number, payload: Uint8Array): void {
    this.#message('host-to-guest', vp, 0, messageType, payload);
  }

  signalled(vp: number, relid: number): void {
    const headerBytes = SIGNAL_RECORD.sizeBytes;
    this.#begin({ kind: 'signal', headerBytes, direction: 'host-to-guest', vp, relid, payload: NOTHING });
  }

  channelBecame(channel: ChannelIdentity, state: OfferState, why: string): void {
    const { sizeBytes: headerBytes, fields } = CHANNEL_RECORD;
    const payload = why === '' ? NOTHING : new TextEncoder().encode(why);
    const at = this.#begin({ kind: 'channel', headerBytes, direction: 'none', ...this.#of(channel), payload });
    this.#ring.bytes.set(this.#encoded(channel), at + fields.instanceId.offset);
    this.#ring.bytes.set(guidToWire(channel.interfaceId), at + fields.interfaceId.offset);
    this.#ring.view.setUint8(at + fields.state.offset, OFFER_STATES.indexOf(state));
  }

  packetFromGuest(
    channel: ChannelIdentity,
    { kind, transactionId, completionRequested, payload }: IncomingPacket,
  ): void {
    this.#packet('guest-to-host', channel, { kind, transactionId, completionRequested, payload }, 0);
    if (completionRequested) this.#expect(requestKey(channel, transactionId), firstWord(payload));
  }

  packetToGuest(channel: ChannelIdentity, packet: OutgoingPacket): void {
    const key = requestKey(channel, packet.transactionId);
    const requestType = packet.kind === 'completion' ? this.#requests.get(key) : undefined;
    if (requestType !== undefined) this.#requests.delete(key);
    this.#packet('host-to-guest', channel, packet, requestType ?? 0);
  }

  #message(
    direction: RecordDirection,
    vp: number,
    connectionId: number,
    messageType: number,
    payload: Uint8Array,
  ): void {
    const { sizeBytes: headerBytes, fields } = MESSAGE_RECORD;
    const at = this.#begin({ kind: 'message', headerBytes, direction, vp, payload });
    this.#ring.view.setUint32(at + fields.connectionId.offset, connectionId, true);
    this.#ring.view.setUint32(at + fields.messageType.offset, messageType, true);
  }

  #packet(direction: RecordDirection, channel: ChannelIdentity, packet: OutgoingPacket, requestType: number): void {
    const { sizeBytes: headerBytes, fields } = PACKET_RECORD;
    const { kind, transactionId, completionRequested, payload } = packet;
    const at = this.#begin({ kind: 'packet', headerBytes, direction, ...this.#of(channel), payload });
    const { view, bytes } = this.#ring;
    bytes.set(this.#encoded(channel), at + fields.instanceId.offset);
    view.setBigUint64(at + fields.transactionId.offset, transactionId, true);
    view.setUint16(at + fields.packetType.offset, kind === 'in-band' ? PacketType.inBand : PacketType.completion, true);
    view.setUint16(at + fields.packetFlags.offset, completionRequested ? COMPLETION_REQUESTED : 0, true);
    view.setUint32(at + fields.requestType.offset, requestType, true);
  }

  #begin({ kind, headerBytes, direction, vp = NO_VP, relid = NO_RELID, protocol = 0, payload }: Start): number {
    const kept = payload.subarray(0, MAX_RECORD_PAYLOAD_BYTES);
    const { nextSequence } = this.#ring;
    const at = this.#ring.reserve(headerBytes + kept.byteLength);
    const { view, bytes } = this.#ring;
    const { fields } = RECORD_HEADER;
    bytes.fill(0, at, at + headerBytes);
    view.setUint8(at + fields.version.offset, RECORD_VERSION);
    view.setUint8(at + fields.kind.offset, RecordKind[kind]);
    view.setUint8(at + fields.direction.offset, RecordDirection[direction]);
    view.setUint8(at + fields.protocol.offset, protocol);
    view.setUint32(at + fields.vp.offset, vp, true);
    view.setBigUint64(at + fields.sequence.offset, BigInt(nextSequence), true);
    view.setBigUint64(at + fields.timeNs.offset, this.#parts.nowNs(), true);
    view.setUint32(at + fields.payloadBytes.offset, payload.byteLength, true);
    view.setUint32(at + fields.relid.offset, relid, true);
    bytes.set(kept, at + headerBytes);
    this.#parts.recorded();
    return at;
  }

  #of({ relid, interfaceId }: ChannelIdentity): { readonly relid: number; readonly protocol: number } {
    return { relid, protocol: interfaceId === VPCI_INTERFACE_ID ? PacketProtocol.vpci : PacketProtocol.unknown };
  }

  #encoded(channel: ChannelIdentity): Uint8Array {
    const known = this.#channels.get(channel);
    if (known !== undefined) return known;
    const { instanceId, name } = PACKET_RECORD.fields;
    const header = PACKET_RECORD.encode({ instanceId: channel.instanceId, name: channel.name });
    const encoded = header.slice(instanceId.offset, name.offset + name.sizeBytes);
    this.#channels.set(channel, encoded);
    return encoded;
  }

  #expect(key: string, requestType: number): void {
    // Last again, so that the oldest is first.
    this.#requests.delete(key);
    this.#requests.set(key, requestType);
    if (this.#requests.size <= MAX_REQUESTS) return;
    for (const oldest of this.#requests.keys()) {
      this.#requests.delete(oldest);
      return;
    }
  }
}

function requestKey({ relid }: ChannelIdentity, transactionId: bigint): string {
  return `${relid} ${transactionId}`;
}

function firstWord(payload: Uint8Array): number {
  return payload.byteLength < 4 ? 0 : new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
}
