/**
 * A record of a trace: a header by one of these tables, then the bytes that it is about. The same bytes are in the ring of the VM
 * process, in what it sends to its manager, and in a packet of a pcapng file.
 */
import { type Fields, guid, Layout, text, u16, u32, u64, u8 } from '../hyperv/index.ts';

export const RECORD_VERSION = 1;

export const RecordKind = { hypercall: 1, message: 2, packet: 3, channel: 4, signal: 5 } as const;
export type RecordKind = keyof typeof RecordKind;

export const RecordDirection = { none: 0, 'guest-to-host': 1, 'host-to-guest': 2 } as const;
export type RecordDirection = keyof typeof RecordDirection;

/** What the packets of a channel mean. */
export const PacketProtocol = { unknown: 0, vpci: 1 } as const;

export const NO_VP = 0xffff_ffff;
export const NO_RELID = 0;
/** A hypercall that has not returned. */
export const STATUS_PENDING = 0xffff;

/** Bytes that one record is about, at the most; the rest is cut off. The longest vPCI message that makes sense has 39,656. */
export const MAX_RECORD_PAYLOAD_BYTES: number = 40 * 1024;

/** A chunk of records is no longer than this: one of the longest, or several. */
export const MAX_CHUNK_BYTES: number = MAX_RECORD_PAYLOAD_BYTES + 1024;

/** What every header begins with. */
const common = {
  version: u8(0, `version of this header: ${RECORD_VERSION}`),
  kind: u8(1, '1 hypercall, 2 message, 3 packet, 4 channel, 5 event flag'),
  direction: u8(2, '1 guest to host, 2 host to guest, 0 neither'),
  protocol: u8(3, 'what the packets of the channel mean: 1 vPCI, 0 not known'),
  vp: u32(4, 'VP that it is of; 0xffffffff: it is of none'),
  sequence: u64(8, 'number of the record since recording began, from 0 on'),
  timeNs: u64(16, 'nanoseconds since 1970'),
  payloadBytes: u32(24, 'length of the bytes behind the header, before anything was cut off'),
  relid: u32(28, 'relid of the channel; 0: it is of none'),
} as const;

const channel = {
  instanceId: guid(32, 'instance of the channel'),
  name: text(48, 24, 'what the device behind the channel is called, UTF-8'),
} as const;

const SOURCE = 'dda';

export const RECORD_HEADER = new Layout('record', SOURCE, 32, common);

/** Behind it: the host's copy of the input; nothing where the call was refused before there was one. */
export const HYPERCALL_RECORD = new Layout('hypercall', SOURCE, 56, {
  ...common,
  callCode: u16(32, 'call code, the low 16 bits of the control word'),
  control: u64(32, 'control word (RCX)'),
  inputRegister: u64(40, 'RDX: where the input is, or the first half of a fast one'),
  status: u16(48, 'HV_STATUS that it returned; 0xffff: it has not'),
});

/** Behind it: the message, without the SynIC’s own header. */
export const MESSAGE_RECORD = new Layout('message', SOURCE, 40, {
  ...common,
  connectionId: u32(32, 'connection that it was posted to; 0: it is for the guest'),
  messageType: u32(36, 'SynIC message type; 1 = VMBus'),
});

/** Behind it: the packet’s payload. */
export const PACKET_RECORD = new Layout('packet', SOURCE, 88, {
  ...common,
  ...channel,
  transactionId: u64(72, 'transaction id'),
  packetType: u16(80, '6 in-band, 11 completion'),
  packetFlags: u16(82, 'bit 0: a completion is asked for'),
  requestType: u32(84, 'first four bytes of the packet that this one completes; 0: not known'),
});

/** Behind it: why, as UTF-8, or nothing. */
export const CHANNEL_RECORD = new Layout('channel', SOURCE, 96, {
  ...common,
  ...channel,
  interfaceId: guid(72, 'interface of the channel'),
  state: u8(88, 'state that the offer is in from now on, by its place in the table of states'),
});

/** The event flag is the channel’s relid. */
export const SIGNAL_RECORD = new Layout('event flag', SOURCE, 32, common);

/** By kind. */
export const RECORD_LAYOUTS: Readonly<Record<RecordKind, Layout<Fields>>> = {
  hypercall: HYPERCALL_RECORD,
  message: MESSAGE_RECORD,
  packet: PACKET_RECORD,
  channel: CHANNEL_RECORD,
  signal: SIGNAL_RECORD,
};

/** The states of an offer, in the order in which they are numbered. */
export const OFFER_STATES = [
  'queued',
  'unannounced',
  'offered',
  'open',
  'faulted',
  'let-go',
  'rescinded',
  'released',
] as const;
