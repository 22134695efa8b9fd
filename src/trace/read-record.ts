import { type Decoded, type Fields, HYPERCALL_INPUTS, HypercallStatus, type Layout } from '../hyperv/index.ts';
import { messageLayoutOf, PacketType, VMBUS_MESSAGE_TYPE } from '../vmbus/index.ts';
import { type MessageShape, readFields, type ReadItem, recognisePacket } from '../vpci/index.ts';
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
  RECORD_LAYOUTS,
  RECORD_VERSION,
  RecordDirection,
  RecordKind,
  STATUS_PENDING,
} from './record-layouts.ts';

/** The channel that a record is of. `instanceId` undefined: it is of an event flag, which names only the relid. */
export interface RecordChannel {
  readonly relid: number;
  readonly instanceId: string | undefined;
  /** Empty: it has none. */
  readonly name: string;
}

/** A record, read by the tables. */
export interface TraceRecord {
  readonly sequence: number;
  /** Since 1970. */
  readonly timeNs: bigint;
  readonly kind: RecordKind;
  readonly direction: RecordDirection;
  readonly vp: number | undefined;
  readonly channel: RecordChannel | undefined;
  /** The message's name, as its table has it. */
  readonly name: string;
  /** The message's fields, as its table has them. */
  readonly items: readonly ReadItem[];
  /** What there is to say besides: why a channel has changed, or what is not whole. */
  readonly note: string | undefined;
  readonly transactionId: bigint | undefined;
  readonly completionRequested: boolean;
  /** Of a hypercall that has returned. */
  readonly status: string | undefined;
  /** Length of what the record is about, cut off or not. */
  readonly payloadBytes: number;
  /** Of these, what was cut off. */
  readonly cutBytes: number;
}

/** What a kind of record has beside the header that all have. */
type Read = Pick<TraceRecord, 'name' | 'items'> &
  Partial<Pick<TraceRecord, 'note' | 'channel' | 'transactionId' | 'completionRequested' | 'status'>>;

type Header = Decoded<typeof RECORD_HEADER.fields>;

const KINDS = new Map(Object.entries(RecordKind).map(([name, value]) => [value, name as RecordKind] as const));
const DIRECTIONS = new Map(
  Object.entries(RecordDirection).map(([name, value]) => [value, name as RecordDirection] as const),
);
const STATUS_NAMES = new Map<number, string>(Object.entries(HypercallStatus).map(([name, value]) => [value, name]));
const MAX_WHY = 300;
const LENGTH_BYTES = 4;

/** Records one by one; undefined: the chunk makes no sense. Nothing is copied. */
export function recordsIn(chunk: Uint8Array): readonly Uint8Array[] | undefined {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  const records: Uint8Array[] = [];
  for (let at = 0; at < chunk.byteLength; ) {
    if (at + LENGTH_BYTES > chunk.byteLength) return undefined;
    const end = at + LENGTH_BYTES + view.getUint32(at, true);
    const record = chunk.subarray(at + LENGTH_BYTES, end);
    if (end > chunk.byteLength || headerOf(record) === undefined) return undefined;
    records.push(record);
    at = end;
  }
  return records;
}

/** Reads one record; undefined: it makes no sense. Whatever the bytes, the work is bounded by their number. */
export function readRecord(record: Uint8Array): TraceRecord | undefined {
  const found = headerOf(record);
  if (found === undefined) return undefined;
  const { header, kind, direction } = found;
  const payload = record.subarray(RECORD_LAYOUTS[kind].sizeBytes);
  const read = readPart(kind, header, direction, record, payload);
  const cut =
    header.payloadBytes > payload.byteLength ? `${payload.byteLength} of ${header.payloadBytes} bytes kept` : undefined;
  return {
    sequence: Number(header.sequence),
    timeNs: header.timeNs,
    kind,
    direction,
    vp: header.vp === NO_VP ? undefined : header.vp,
    channel: read.channel ?? channelOf(header),
    name: read.name,
    items: read.items,
    note: read.note ?? cut,
    transactionId: read.transactionId,
    completionRequested: read.completionRequested ?? false,
    status: read.status,
    payloadBytes: header.payloadBytes,
    cutBytes: header.payloadBytes - payload.byteLength,
  };
}

function headerOf(
  record: Uint8Array,
): { readonly header: Header; readonly kind: RecordKind; readonly direction: RecordDirection } | undefined {
  if (record.byteLength < RECORD_HEADER.sizeBytes) return undefined;
  const header = RECORD_HEADER.decode(record);
  const kind = KINDS.get(header.kind as (typeof RecordKind)[RecordKind]);
  const direction = DIRECTIONS.get(header.direction as (typeof RecordDirection)[RecordDirection]);
  if (header.version !== RECORD_VERSION || kind === undefined || direction === undefined) return undefined;
  const keptBytes = record.byteLength - RECORD_LAYOUTS[kind].sizeBytes;
  const isPossible = keptBytes === Math.min(header.payloadBytes, MAX_RECORD_PAYLOAD_BYTES);
  return isPossible && header.sequence <= Number.MAX_SAFE_INTEGER ? { header, kind, direction } : undefined;
}

function readPart(
  kind: RecordKind,
  header: Header,
  direction: RecordDirection,
  record: Uint8Array,
  payload: Uint8Array,
): Read {
  switch (kind) {
    case 'hypercall':
      return readHypercall(record, payload);
    case 'message':
      return readMessage(record, payload);
    case 'packet':
      return readPacket(record, direction, payload);
    case 'channel':
      return readChannel(record, payload);
    case 'signal':
      return { name: `event flag ${header.relid}`, items: [] };
  }
}

function readHypercall(record: Uint8Array, input: Uint8Array): Read {
  const { callCode, status: code } = HYPERCALL_RECORD.decode(record);
  const layouts = HYPERCALL_INPUTS.get(callCode);
  const layout = layouts?.find(({ sizeBytes }) => input.byteLength >= sizeBytes) ?? layouts?.at(-1);
  const status = code === STATUS_PENDING ? {} : { status: statusName(code) };
  if (layout === undefined) return { name: `hypercall 0x${callCode.toString(16)}`, items: [], ...status };
  // Refused before its input was looked at.
  if (input.byteLength === 0) return { name: layout.name, items: [], ...status };
  return { ...byLayout(layout.name, { layout }, input), ...status };
}

/** `SUCCESS`, or a number that has no name here. */
function statusName(code: number): string {
  return STATUS_NAMES.get(code) ?? `0x${code.toString(16)}`;
}

function readMessage(record: Uint8Array, payload: Uint8Array): Read {
  const { messageType } = MESSAGE_RECORD.decode(record);
  if (messageType !== VMBUS_MESSAGE_TYPE) return { name: `message of type ${messageType}`, items: [] };
  const layout: Layout<Fields> | undefined = messageLayoutOf(payload);
  if (layout !== undefined) return byLayout(layout.name, { layout }, payload);
  const type = payload.byteLength < 4 ? undefined : new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
  return { name: type === undefined ? `(${payload.byteLength} bytes)` : `unknown message ${type}`, items: [] };
}

function readPacket(record: Uint8Array, direction: RecordDirection, payload: Uint8Array): Read {
  const { packetType, packetFlags, requestType, transactionId, protocol, relid, instanceId, name } =
    PACKET_RECORD.decode(record);
  const about = {
    transactionId,
    completionRequested: (packetFlags & 1) !== 0,
    channel: { relid, instanceId, name: harmless(name) },
  };
  const isCompletion = packetType === PacketType.completion;
  if (protocol !== PacketProtocol.vpci) {
    return { name: isCompletion ? 'completion' : 'packet', items: [], ...about };
  }
  const way = isCompletion && direction === 'host-to-guest' ? 'completion' : direction;
  if (way === 'none') return { name: 'packet', items: [], ...about };
  const recognised = recognisePacket(payload, way, requestType === 0 ? undefined : requestType);
  if (recognised.shape === undefined) return { name: recognised.name, items: [], ...about };
  return { ...byLayout(recognised.name, recognised.shape, payload), ...about };
}

function readChannel(record: Uint8Array, payload: Uint8Array): Read {
  const { state, relid, instanceId, name } = CHANNEL_RECORD.decode(record);
  const why = harmless(new TextDecoder().decode(payload.subarray(0, MAX_WHY)));
  return {
    name: `channel ${OFFER_STATES[state] ?? `in state ${state}`}`,
    items: [],
    channel: { relid, instanceId, name: harmless(name) },
    ...(why === '' ? {} : { note: why }),
  };
}

function byLayout(name: string, shape: MessageShape, payload: Uint8Array): Read {
  const { sizeBytes } = shape.layout;
  if (payload.byteLength >= sizeBytes) return { name, items: readFields(shape, payload) };
  return { name, items: [], note: `cut short (${payload.byteLength} of ${sizeBytes} bytes)` };
}

function channelOf({ relid }: Header): RecordChannel | undefined {
  return relid === NO_RELID ? undefined : { relid, instanceId: undefined, name: '' };
}

/** Nothing that steers a terminal. */
function harmless(words: string): string {
  return words.replaceAll(/\p{C}/gu, '\ufffd');
}
