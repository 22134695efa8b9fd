import { GUEST_MESSAGES, guestMessageName } from './guest-messages.ts';
import { HOST_MESSAGES, hostMessageName } from './host-messages.ts';
import { formatFields, readFields } from './read-fields.ts';
import { REPLIES } from './replies.ts';
import type { MessageShape } from './shape.ts';
import { isFailure } from './status.ts';

export type PacketDirection = 'guest-to-host' | 'host-to-guest' | 'completion';

/** Which message a packet is. `shape` undefined: no table has it. */
export interface RecognisedPacket {
  readonly name: string;
  readonly shape: MessageShape | undefined;
}

/**
 * Finds the message of any bytes. `requestType` says what a completion answers (the request's u32 at offset 0); without it only
 * the status is known.
 */
export function recognisePacket(
  payload: Uint8Array,
  direction: PacketDirection,
  requestType?: number,
): RecognisedPacket {
  if (direction === 'completion') return recogniseCompletion(payload, requestType);
  if (payload.byteLength < 4) return { name: `(${payload.byteLength} bytes)`, shape: undefined };
  const messageType = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
  if (direction === 'guest-to-host') {
    const name = guestMessageName(messageType);
    if (name !== undefined) return { name, shape: GUEST_MESSAGES[name] };
  } else {
    const name = hostMessageName(messageType);
    if (name !== undefined) return { name, shape: HOST_MESSAGES[name] };
  }
  return { name: `unknown message 0x${messageType.toString(16)} (${payload.byteLength} bytes)`, shape: undefined };
}

function recogniseCompletion(payload: Uint8Array, requestType: number | undefined): RecognisedPacket {
  if (payload.byteLength < 4) return { name: 'empty completion', shape: undefined };
  const request = requestType === undefined ? undefined : guestMessageName(requestType);
  const expected = request === undefined ? undefined : REPLIES[GUEST_MESSAGES[request].reply ?? 'STATUS'];
  const failed = isFailure(new DataView(payload.buffer, payload.byteOffset).getUint32(0, true));
  // A refusal is a bare status, and a status is all that some guests need of a longer answer.
  const isBare = expected === undefined || failed || payload.byteLength < expected.layout.sizeBytes;
  return { name: `${request ?? ''} completion`.trim(), shape: isBare ? REPLIES.STATUS : expected };
}

/** One line for a trace: the message's name and its fields. It takes any bytes. */
export function describePacket(payload: Uint8Array, direction: PacketDirection, requestType?: number): string {
  const { name, shape } = recognisePacket(payload, direction, requestType);
  if (shape === undefined) return name;
  const { sizeBytes } = shape.layout;
  if (payload.byteLength < sizeBytes) return `${name} cut short (${payload.byteLength} of ${sizeBytes} bytes)`;
  return [name, ...formatFields(readFields(shape, payload))].join(' ');
}
