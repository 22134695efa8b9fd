import { HYPERCALL_INPUTS } from '../../src/hyperv/index.ts';
import {
  CHANNEL_RECORD,
  HYPERCALL_RECORD,
  MAX_RECORD_PAYLOAD_BYTES,
  MESSAGE_RECORD,
  PACKET_RECORD,
  RECORD_LAYOUTS,
  RECORD_VERSION,
  RecordKind,
} from '../../src/trace/record-layouts.ts';
import type { Fields, Layout } from '../../src/vmbus/index.ts';
import * as fromGuest from '../../src/vmbus/messages/from-guest.ts';
import * as fromHost from '../../src/vmbus/messages/from-host.ts';
import { GUEST_MESSAGES } from '../../src/vpci/wire/guest-messages.ts';
import { HOST_MESSAGES } from '../../src/vpci/wire/host-messages.ts';
import { REPLIES } from '../../src/vpci/wire/replies.ts';
import type { MessageShape } from '../../src/vpci/wire/shape.ts';
import type { Choices } from '../engine/choices.ts';
import { encodeChosen, garbled } from './chosen-message.ts';
import { asLayout, encodeCell, encodeParts } from './vpci-structures.ts';

const KINDS = Object.keys(RecordKind) as RecordKind[];
const MESSAGES: readonly Layout<Fields>[] = [...Object.values(fromGuest), ...Object.values(fromHost)];
const REQUESTS: readonly MessageShape[] = Object.values(GUEST_MESSAGES);
const REQUEST_TYPES = Object.values(GUEST_MESSAGES).map(({ messageType }) => messageType);
const ANNOUNCED = Object.values(HOST_MESSAGES);
const ANSWERS: readonly MessageShape[] = Object.values(REPLIES);
const HYPERCALLS = [...HYPERCALL_INPUTS];
export const TEXTS = ['', '0000:01:00.0', 'why', '\u001b[2J\u202e', 'x'.repeat(400), '\u{1f600}\u0000'] as const;
const encoder = new TextEncoder();

/** A record as a VM process may send it: by the tables, mostly. */
export function chosenRecord(choices: Choices): Uint8Array {
  const kind = choices.pick(KINDS) ?? 'signal';
  const record = withHeader(kind, chosenPayload(kind, choices), choices);
  return choices.chance(12) ? garbled(record, choices) : record;
}

function withHeader(kind: RecordKind, { bytes, callCode, requestType, direction }: Payload, choices: Choices) {
  const layout = RECORD_LAYOUTS[kind];
  const cut = choices.chance(6);
  const kept = cut ? extended(bytes, MAX_RECORD_PAYLOAD_BYTES) : bytes;
  const announced = cut ? Math.max(kept.length, choices.word()) : kept.length;
  const header = encodeChosen(layout, choices, (name, _field, more) => {
    if (more.chance(3)) return undefined;
    switch (name) {
      case 'version':
        return RECORD_VERSION;
      case 'kind':
        return RecordKind[kind];
      case 'direction':
        return direction ?? more.below(3);
      case 'protocol':
        return more.chance(32) ? 0 : 1;
      case 'payloadBytes':
        return announced;
      case 'sequence':
        return BigInt(more.word());
      case 'callCode':
        return callCode ?? 0x5c;
      case 'status':
        return more.chance(64) ? 0xffff : more.below(32);
      case 'messageType':
        return more.chance(16) ? 2 : 1;
      case 'packetType':
        return requestType === undefined ? 6 : 11;
      case 'requestType':
        return requestType ?? 0;
      case 'name':
        return more.pick(TEXTS);
      case 'state':
        return more.below(10);
      default:
        return undefined;
    }
  });
  const record = new Uint8Array(header.length + kept.length);
  record.set(header);
  record.set(kept, header.length);
  return record;
}

interface Payload {
  readonly bytes: Uint8Array;
  readonly callCode?: number;
  /** Of what a completion answers; undefined: it is none. */
  readonly requestType?: number;
  readonly direction?: number;
}

function chosenPayload(kind: RecordKind, choices: Choices): Payload {
  if (choices.chance(8)) return { bytes: choices.bytes(choices.below(48)) };
  switch (kind) {
    case 'hypercall': {
      const [code, layouts] = choices.pick(HYPERCALLS) ?? [0, []];
      const layout = choices.pick(layouts);
      const bytes = layout === undefined || choices.chance(24) ? new Uint8Array() : encodeChosen(layout, choices, none);
      return { bytes: cutShort(bytes, choices), callCode: choices.chance(16) ? choices.u16() : code };
    }
    case 'message':
      return { bytes: cutShort(encodeChosen(choices.pick(MESSAGES) ?? MESSAGE_RECORD, choices, none), choices) };
    case 'packet':
      return chosenPacket(choices);
    case 'channel':
      return { bytes: encoder.encode(choices.pick(TEXTS)) };
    case 'signal':
      return { bytes: new Uint8Array() };
  }
}

function chosenPacket(choices: Choices): Payload {
  switch (choices.below(3)) {
    case 0: {
      const { messageType, ...shape } = choices.pick(Object.values(GUEST_MESSAGES)) ?? GUEST_MESSAGES.BUS_D0EXIT;
      return { bytes: encodeShape(shape, choices, messageType), direction: 1 };
    }
    case 1: {
      const { messageType, ...shape } = choices.pick(ANNOUNCED) ?? HOST_MESSAGES.EJECT;
      return { bytes: encodeShape(shape, choices, messageType), direction: 2 };
    }
    default: {
      const requestType = choices.chance(24) ? choices.word() : (choices.pick(REQUEST_TYPES) ?? 0);
      const request = REQUESTS[REQUEST_TYPES.indexOf(requestType)];
      const expected = GUEST_MESSAGES_BY_SHAPE.get(request ?? REPLIES.STATUS);
      const shape = choices.chance(64) ? (choices.pick(ANSWERS) ?? REPLIES.STATUS) : (expected ?? REPLIES.STATUS);
      const bytes = encodeShape(shape, choices, undefined);
      if (bytes.length >= 4 && !choices.chance(24)) bytes.fill(0, 0, 4);
      return { bytes, requestType, direction: 2 };
    }
  }
}

/** What is answered to each request. */
const GUEST_MESSAGES_BY_SHAPE: ReadonlyMap<MessageShape, MessageShape> = new Map(
  Object.values(GUEST_MESSAGES).map((message) => [message, REPLIES[message.reply ?? 'STATUS']]),
);

/** A vPCI message by its table, structures and tail included; a count may announce more than there is. */
function encodeShape(shape: MessageShape, choices: Choices, messageType: number | undefined): Uint8Array {
  const { tail, parts } = shape;
  const count = tail === undefined ? 0 : choices.chance(24) ? choices.below(300) : choices.below(4);
  const fixed = encodeChosen(asLayout(shape), choices, (name, field, more) => {
    if (name === 'type') return messageType;
    if (name === tail?.countField) return more.chance(48) ? more.word() % 2 ** (8 * field.sizeBytes) : count;
    const part = parts?.[name];
    return part === undefined ? undefined : encodeParts(part, field.sizeBytes, more, 1);
  });
  if (tail === undefined) return cutShort(fixed, choices);
  const whole = new Uint8Array(fixed.length + count * tail.cellBytes);
  whole.set(fixed);
  const cell = encodeCell(tail, choices).subarray(0, tail.cellBytes);
  for (let i = 0; i < count; i += 1) whole.set(cell, fixed.length + i * tail.cellBytes);
  return cutShort(whole, choices);
}

function cutShort(bytes: Uint8Array, choices: Choices): Uint8Array {
  if (!choices.chance(24)) return bytes;
  return bytes.slice(0, choices.below(choices.chance(128) ? 9 : bytes.length + 1));
}

function extended(bytes: Uint8Array, sizeBytes: number): Uint8Array {
  const longer = new Uint8Array(sizeBytes);
  longer.set(bytes.subarray(0, sizeBytes));
  return longer;
}

const none = (): undefined => undefined;

/** Records as they are sent: each after its length, which may be another one. */
export function chunkOf(records: readonly Uint8Array[], choices: Choices): Uint8Array {
  const chunk = new Uint8Array(records.reduce((sum, { length }) => sum + 4 + length, 0));
  const view = new DataView(chunk.buffer);
  let at = 0;
  for (const [index, record] of records.entries()) {
    const isLast = index === records.length - 1;
    const more = isLast && choices.chance(12) ? 1 + choices.below(64) : 0;
    view.setUint32(at, choices.chance(6) ? choices.word() : record.length + more, true);
    chunk.set(record, at + 4);
    at += 4 + record.length;
  }
  return choices.chance(8) ? chunk.subarray(0, choices.below(chunk.length + 1)) : chunk;
}

/** Bytes of header before what the record is about. */
export function headerBytes(record: Uint8Array): number {
  const kind = KINDS.find((each) => RecordKind[each] === record[1]);
  return kind === undefined ? 0 : RECORD_LAYOUTS[kind].sizeBytes;
}

/** The status that stands in the record of a hypercall. */
export function statusIn(record: Uint8Array): number {
  return HYPERCALL_RECORD.decode(record).status;
}

/** The channel's name in a record that has one. */
export function nameIn(record: Uint8Array): string {
  const layout = record[1] === RecordKind.packet ? PACKET_RECORD : CHANNEL_RECORD;
  return layout.decode(record).name;
}
