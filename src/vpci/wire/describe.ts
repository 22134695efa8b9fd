import type { Field } from '../../vmbus/index.ts';
import { formatSlot } from '../slot.ts';
import { GUEST_MESSAGES, guestMessageName } from './guest-messages.ts';
import { HOST_MESSAGES, hostMessageName } from './host-messages.ts';
import { REPLIES } from './replies.ts';
import { cells, fieldsOf, type MessageShape, type Shape } from './shape.ts';
import { formatStatus, isFailure } from './status.ts';
import { formatVersion } from './version.ts';

/** More cells of an array than this are told by their number. */
const CELLS_SHOWN = 8;

/** A field of these names is shown as what it means; other numbers in decimal. */
const FORMATS: Readonly<Record<string, (value: number) => string>> = {
  slot: formatSlot,
  status: formatStatus,
  version: formatVersion,
  mask: hexadecimal,
  vendorId: hexadecimal,
  deviceId: hexadecimal,
  subsystemVendorId: hexadecimal,
  subsystemId: hexadecimal,
  baseClass: hexadecimal,
  subClass: hexadecimal,
  data: hexadecimal,
  vector: hexadecimal,
};

/**
 * One line for a trace: the message's name and its fields. `requestType` says what a completion answers (the request's
 * u32 at offset 0); without it only the status is shown. It takes any bytes.
 */
export function describePacket(
  payload: Uint8Array,
  direction: 'guest-to-host' | 'host-to-guest' | 'completion',
  requestType?: number,
): string {
  if (direction === 'completion') return describeCompletion(payload, requestType);
  if (payload.byteLength < 4) return `(${payload.byteLength} bytes)`;
  const messageType = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
  if (direction === 'guest-to-host') {
    const name = guestMessageName(messageType);
    if (name !== undefined) return describeMessage(name, GUEST_MESSAGES[name], payload);
  } else {
    const name = hostMessageName(messageType);
    if (name !== undefined) return describeMessage(name, HOST_MESSAGES[name], payload);
  }
  return `unknown message ${hexadecimal(messageType)} (${payload.byteLength} bytes)`;
}

function describeCompletion(payload: Uint8Array, requestType: number | undefined): string {
  if (payload.byteLength < 4) return 'empty completion';
  const request = requestType === undefined ? undefined : guestMessageName(requestType);
  const expected = request === undefined ? undefined : REPLIES[GUEST_MESSAGES[request].reply ?? 'STATUS'];
  const failed = isFailure(new DataView(payload.buffer, payload.byteOffset).getUint32(0, true));
  // A refusal is a bare status, and a status is all that some guests need of a longer answer.
  const shape: MessageShape =
    expected === undefined || failed || payload.byteLength < expected.layout.sizeBytes ? REPLIES.STATUS : expected;
  return describeMessage(`${request ?? ''} completion`.trim(), shape, payload);
}

function describeMessage(name: string, message: MessageShape, payload: Uint8Array): string {
  const { layout, tail } = message;
  if (payload.byteLength < layout.sizeBytes)
    return `${name} cut short (${payload.byteLength} of ${layout.sizeBytes} bytes)`;
  const words = [name, ...describeFields(message, payload)];
  if (tail !== undefined) {
    const count = Number(layout.decode(payload)[tail.countField]);
    const room = Math.floor((payload.byteLength - layout.sizeBytes) / tail.cellBytes);
    const present = Math.min(count, room, tail.most);
    if (present > 0)
      words.push(describeCells(tail.shape, cells(payload.subarray(layout.sizeBytes), tail.cellBytes, present)));
    if (present < count) words.push(`(${count - present} missing)`);
  }
  return words.join(' ');
}

/** `name=value` for each field; fields that are zero and the message type say nothing and are left out. */
function describeFields(shape: Shape, bytes: Uint8Array): string[] {
  const values = shape.layout.decode(bytes);
  return fieldsOf(shape)
    .filter(([name]) => name !== 'type')
    .flatMap(([name, field]) => {
      const part = shape.parts?.[name];
      const raw = bytes.subarray(field.offset, field.offset + field.sizeBytes);
      if (part !== undefined) {
        const all = cells(raw, part.cellBytes, Math.floor(raw.byteLength / part.cellBytes));
        const used = all.slice(0, all.findLastIndex((cell) => cell.some((byte) => byte !== 0)) + 1);
        return used.length === 0 ? [] : [`${name}=${describeCells(part.shape, used)}`];
      }
      const value = values[name];
      return value === undefined ? [] : [`${name}=${describeValue(name, field, value)}`];
    });
}

function describeCells(shape: Shape, all: readonly Uint8Array[]): string {
  const shown = all.slice(0, CELLS_SHOWN).map((cell) => {
    const fields = describeFields(shape, cell);
    // A list of plain numbers needs no names.
    return fields.length === 1 && fieldsOf(shape).length === 1
      ? (fields[0] ?? '').replace(/^.*=/, '')
      : `{${fields.join(' ')}}`;
  });
  const more = all.length > CELLS_SHOWN ? [`… ${all.length - CELLS_SHOWN} more`] : [];
  return `[${[...shown, ...more].join(', ')}]`;
}

function describeValue(name: string, field: Field, value: number | bigint | string | Uint8Array): string {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  if (typeof value === 'number') return (FORMATS[name] ?? String)(value);
  return typeof value === 'string' ? value : `${field.sizeBytes} bytes`;
}

function hexadecimal(value: number): string {
  return `0x${value.toString(16)}`;
}
