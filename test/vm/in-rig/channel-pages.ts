import assert from 'node:assert/strict';
import type { TraceReader } from '../../../src/trace/index.ts';
import { MAX_CHUNK_BYTES, readRecord, recordsIn } from '../../../src/trace/index.ts';
import { MESSAGE_RECORD } from '../../../src/trace/record-layouts.ts';
import { messageLayoutOf } from '../../../src/vmbus/index.ts';
import { GPADL_HEADER, OPENCHANNEL } from '../../../src/vmbus/messages/from-guest.ts';
import type { ChannelPages } from '../guest-code/module-code.ts';

/** A channel is signalled at so much more than its relid (docs/vmbus.md). */
const FIRST_CONNECTION = 0x2000;
/** Of a range, in front of its page numbers (docs/vmbus.md). */
const RANGE_HEADER_BYTES = 8;

/** The pages of the channel that was opened last since `reader` began, as the guest told the host of them. */
export function pagesOfChannel(reader: TraceReader): ChannelPages {
  const rings = new Map<number, number[]>();
  let found: ChannelPages | undefined;
  for (let chunk = reader.read(MAX_CHUNK_BYTES); chunk !== undefined; chunk = reader.read(MAX_CHUNK_BYTES)) {
    for (const record of recordsIn(chunk.records) ?? assert.fail('a chunk makes no sense')) {
      const { kind, direction } = readRecord(record) ?? assert.fail('a record makes no sense');
      if (kind !== 'message' || direction !== 'guest-to-host') continue;
      const message = record.subarray(MESSAGE_RECORD.sizeBytes);
      const layout = messageLayoutOf(message);
      if (layout === GPADL_HEADER) rings.set(GPADL_HEADER.decode(message).gpadl, pageNumbers(message));
      if (layout !== OPENCHANNEL) continue;
      const { relid, ringGpadl, downstreamPageOffset } = OPENCHANNEL.decode(message);
      const pages = rings.get(ringGpadl) ?? assert.fail('the rings of a channel were not told of');
      found = {
        connectionId: FIRST_CONNECTION + relid,
        outgoing: pages.slice(0, downstreamPageOffset),
        incoming: pages.slice(downstreamPageOffset),
      };
    }
  }
  return found ?? assert.fail('no channel was opened');
}

/** Of a GPADL that has one range and fits its first message, as rings of Linux's pci-hyperv do. */
function pageNumbers(message: Uint8Array): number[] {
  const { rangeBufferBytes } = GPADL_HEADER.decode(message);
  const numbers = message.subarray(
    GPADL_HEADER.sizeBytes + RANGE_HEADER_BYTES,
    GPADL_HEADER.sizeBytes + rangeBufferBytes,
  );
  const view = new DataView(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  return Array.from({ length: numbers.byteLength / 8 }, (_, index) => Number(view.getBigUint64(index * 8, true)));
}
