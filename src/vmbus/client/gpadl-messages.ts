import { MAX_MESSAGE_BYTES } from '../addresses.ts';
import type { GpadlRange } from '../gpadl.ts';
import { GPADL_BODY, GPADL_HEADER } from '../messages/from-guest.ts';

/** Whole 8-byte units of a range buffer that fit behind the header and into each body. */
const HEADER_PART_BYTES = (MAX_MESSAGE_BYTES - GPADL_HEADER.sizeBytes) & ~7;
const BODY_PART_BYTES = (MAX_MESSAGE_BYTES - GPADL_BODY.sizeBytes) & ~7;

/** The messages that describe `ranges` to the host: GPADL_HEADER, and as many GPADL_BODY as the page numbers need. */
export function gpadlMessages(relid: number, gpadl: number, ranges: readonly GpadlRange[]): readonly Uint8Array[] {
  const buffer = encodeRanges(ranges);
  const rest = buffer.subarray(HEADER_PART_BYTES);
  const header = GPADL_HEADER.encode({ relid, gpadl, rangeBufferBytes: buffer.byteLength, rangeCount: ranges.length });
  const bodies = Array.from({ length: Math.ceil(rest.byteLength / BODY_PART_BYTES) }, (_, index) =>
    join(
      GPADL_BODY.encode({ messageNumber: index + 1, gpadl }),
      rest.subarray(index * BODY_PART_BYTES, (index + 1) * BODY_PART_BYTES),
    ),
  );
  return [join(header, buffer.subarray(0, HEADER_PART_BYTES)), ...bodies];
}

export function encodeRanges(ranges: readonly GpadlRange[]): Uint8Array {
  const words = ranges.flatMap(({ byteCount, byteOffset, gpns }) => [
    BigInt(byteCount) | (BigInt(byteOffset) << 32n),
    ...gpns.map((gpn) => BigInt(gpn)),
  ]);
  return new Uint8Array(BigUint64Array.from(words).buffer);
}

function join(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const whole = new Uint8Array(head.byteLength + tail.byteLength);
  whole.set(head);
  whole.set(tail, head.byteLength);
  return whole;
}
