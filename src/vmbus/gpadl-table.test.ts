import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { PlainGuestMemory } from '../hyperv/testing/index.ts';
import type { GpadlRange } from './gpadl.ts';
import { GPADL_LIMITS, type GpadlOutcome, GpadlTable } from './gpadl-table.ts';
import { decodeGuestMessage } from './messages/decode-guest-message.ts';
import { GPADL_BODY, GPADL_HEADER } from './messages/from-guest.ts';
import { Refusal, RefusalCode } from './refusal.ts';
import { encodeRanges, gpadlMessages } from './client/gpadl-messages.ts';
import { fromHex } from './testing/hex.ts';

const RELID = 1;
const HANDLE = 0xe1e10;

/** 4096 pages from 0, and one at 4 GiB. */
const memory = new PlainGuestMemory([
  { gpn: 0, pageCount: 4096 },
  { gpn: 0x10_0000, pageCount: 1 },
]);

function pageRange(...gpns: number[]): GpadlRange {
  return { byteCount: gpns.length * 4096, byteOffset: 0, gpns };
}

function take(table: GpadlTable, payload: Uint8Array): GpadlOutcome | Refusal | undefined {
  const message = decodeGuestMessage(payload);
  assert.ok('name' in message);
  if (message.name === 'GPADL_HEADER') return table.begin(message);
  assert.ok(message.name === 'GPADL_BODY');
  return table.append(message);
}

/** Outcome of the last message; all before have none. */
function takeAll(
  table: GpadlTable,
  ranges: readonly GpadlRange[],
  handle = HANDLE,
): GpadlOutcome | Refusal | undefined {
  const messages = gpadlMessages(RELID, handle, ranges);
  const outcomes = messages.map((message) => take(table, message));
  assert.deepEqual(outcomes.slice(0, -1), Array.from({ length: messages.length - 1 }));
  return outcomes.at(-1);
}

function begin(table: GpadlTable, buffer: Uint8Array, rangeCount: number): RefusalCode | 'created' | 'unfinished' {
  const header = GPADL_HEADER.encode({ relid: RELID, gpadl: HANDLE, rangeBufferBytes: buffer.byteLength, rangeCount });
  const outcome = take(table, Uint8Array.from([...header, ...buffer]));
  assert.ok(!(outcome instanceof Refusal));
  return outcome === undefined ? 'unfinished' : (outcome.refusal?.code ?? 'created');
}

test('the golden header of a vPCI channel: 108 bytes, 10 pages', () => {
  const gpns = [0x22, 0x11, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa];
  const [message, ...rest] = gpadlMessages(RELID, HANDLE, [pageRange(...gpns)]);
  assert.deepEqual(rest, []);
  assert.deepEqual(
    message?.subarray(0, 28),
    fromHex('08000000 00000000 01000000 101e0e00 5800 0100 00a00000 00000000'),
  );
  assert.equal(message?.byteLength, 108);
  const table = new GpadlTable(memory);
  assert.deepEqual(take(table, message), { relid: RELID, handle: HANDLE, refusal: undefined });
  assert.deepEqual(table.ranges(RELID, HANDLE), [pageRange(...gpns)]);
  assert.deepEqual([table.count, table.pages], [1, 11]);
});

test('27 pages need a body, and every body but the last is full', () => {
  const sizes = (pages: number): number[] =>
    gpadlMessages(RELID, HANDLE, [pageRange(...Array.from({ length: pages }, (_, gpn) => gpn))]).map(
      ({ byteLength }) => byteLength,
    );
  assert.deepEqual(sizes(26), [236]);
  assert.deepEqual(sizes(27), [236, 24]);
  assert.deepEqual(sizes(26 + 28 + 1), [236, 240, 24]);
});

test('the longest list arrives in parts', () => {
  const gpns = Array.from({ length: 8190 }, (_, index) => index % 4096);
  const table = new GpadlTable(memory);
  assert.deepEqual(takeAll(table, [pageRange(...gpns)]), { relid: RELID, handle: HANDLE, refusal: undefined });
  assert.deepEqual(table.ranges(RELID, HANDLE)?.[0]?.gpns, gpns);
});

test('ranges follow each other, over the seams of messages too', () => {
  const ranges = [
    { byteCount: 1, byteOffset: 4095, gpns: [5] },
    { byteCount: 2, byteOffset: 4095, gpns: [5, 0x10_0000] },
    pageRange(...Array.from({ length: 40 }, (_, gpn) => gpn)),
    { byteCount: 4097, byteOffset: 0, gpns: [1, 2] },
  ];
  const table = new GpadlTable(memory);
  assert.deepEqual(takeAll(table, ranges), { relid: RELID, handle: HANDLE, refusal: undefined });
  assert.deepEqual(table.ranges(RELID, HANDLE), ranges);
});

test('until the last part has come there is no GPADL', () => {
  const [header, body] = gpadlMessages(RELID, HANDLE, [pageRange(...Array.from({ length: 27 }, (_, gpn) => gpn))]);
  assert.ok(header !== undefined && body !== undefined);
  const table = new GpadlTable(memory);
  assert.equal(take(table, header), undefined);
  assert.equal(table.ranges(RELID, HANDLE), undefined);
  assert.deepEqual(take(table, body), { relid: RELID, handle: HANDLE, refusal: undefined });
  const late = take(table, body);
  assert.ok(late instanceof Refusal && late.code === RefusalCode.unknownGpadl);
});

test('bytes beyond the announced length are ignored', () => {
  const table = new GpadlTable(memory);
  const header = GPADL_HEADER.encode({ relid: RELID, gpadl: HANDLE, rangeBufferBytes: 16, rangeCount: 1 });
  const outcome = take(table, Uint8Array.from([...header, ...encodeRanges([pageRange(7), pageRange(8)])]));
  assert.deepEqual(outcome, { relid: RELID, handle: HANDLE, refusal: undefined });
  assert.deepEqual(table.ranges(RELID, HANDLE), [pageRange(7)]);
});

const word = (low: number, high = 0): number[] => [...new Uint8Array(Uint32Array.of(low, high).buffer)];

const INVALID: readonly { readonly what: string; readonly buffer: number[]; readonly rangeCount: number }[] = [
  { what: 'no bytes', buffer: [], rangeCount: 1 },
  { what: 'a length that is not in units', buffer: [...word(4096), ...word(1), 0], rangeCount: 1 },
  { what: 'no ranges', buffer: [...word(4096), ...word(1)], rangeCount: 0 },
  { what: 'more ranges than bytes', buffer: [...word(4096), ...word(1)], rangeCount: 2 },
  { what: 'bytes left over', buffer: [...word(4096), ...word(1), ...word(2)], rangeCount: 1 },
  { what: 'fewer pages than the range needs', buffer: [...word(4097), ...word(1)], rangeCount: 1 },
  { what: 'an enormous range', buffer: [...word(0xffff_ffff), ...word(1)], rangeCount: 1 },
  { what: 'an empty range', buffer: word(0), rangeCount: 1 },
  { what: 'an offset beyond the first page', buffer: [...word(1, 4096), ...word(1)], rangeCount: 1 },
  { what: 'a page above RAM', buffer: [...word(4096), ...word(4096)], rangeCount: 1 },
  { what: 'a page far beyond RAM', buffer: [...word(4096), ...word(1, 0x8000_0000)], rangeCount: 1 },
  { what: 'a page number of all ones', buffer: [...word(4096), ...word(0xffff_ffff, 0xffff_ffff)], rangeCount: 1 },
];

for (const { what, buffer, rangeCount } of INVALID) {
  test(`refused, and nothing kept: ${what}`, () => {
    const table = new GpadlTable(memory);
    assert.equal(begin(table, Uint8Array.from(buffer), rangeCount), RefusalCode.gpadlInvalid);
    assert.deepEqual([table.count, table.pages], [0, 0]);
  });
}

test('a handle that is in use is refused and stays what it is', () => {
  const table = new GpadlTable(memory);
  takeAll(table, [pageRange(1)]);
  assert.equal(begin(table, encodeRanges([pageRange(2)]), 1), RefusalCode.gpadlInUse);
  assert.deepEqual(table.ranges(RELID, HANDLE), [pageRange(1)]);
});

test('a body that brings nothing is refused, so every body is progress', () => {
  const table = new GpadlTable(memory);
  const [header] = gpadlMessages(RELID, HANDLE, [pageRange(...Array.from({ length: 27 }, (_, gpn) => gpn))]);
  assert.ok(header !== undefined);
  take(table, header);
  const refusal = take(table, GPADL_BODY.encode({ gpadl: HANDLE }));
  assert.ok(refusal instanceof Refusal && refusal.code === RefusalCode.tooShort);
});

test('a connection holds so many pages and no more, finished or not', () => {
  const table = new GpadlTable(memory);
  let handle = 1;
  for (; table.pages + 8190 <= GPADL_LIMITS.pages; handle += 1) {
    const header = GPADL_HEADER.encode({ relid: RELID, gpadl: handle, rangeBufferBytes: 65_520, rangeCount: 1 });
    assert.equal(take(table, header), undefined);
  }
  const outcome = takeOne(
    table,
    handle,
    Array.from({ length: 26 }, (_, gpn) => gpn),
  );
  assert.equal(outcome.refusal?.code, RefusalCode.gpadlLimit);
  assert.equal(table.remove(RELID, 1), true);
  assert.equal(takeOne(table, handle, [1]).refusal, undefined);
});

test('a connection holds so many GPADLs and no more', () => {
  const table = new GpadlTable(memory);
  for (let handle = 1; handle <= GPADL_LIMITS.gpadls; handle += 1)
    assert.equal(takeOne(table, handle, [1]).refusal, undefined);
  assert.equal(takeOne(table, HANDLE, [1]).refusal?.code, RefusalCode.gpadlLimit);
});

function takeOne(table: GpadlTable, handle: number, gpns: readonly number[]): GpadlOutcome {
  const outcome = takeAll(table, [pageRange(...gpns)], handle);
  assert.ok(outcome !== undefined && !(outcome instanceof Refusal));
  return outcome;
}

test('a GPADL belongs to its channel', () => {
  const table = new GpadlTable(memory);
  takeAll(table, [pageRange(1)]);
  assert.equal(table.ranges(RELID + 1, HANDLE), undefined);
  assert.equal(table.remove(RELID + 1, HANDLE), false);
  table.removeAllOf(RELID + 1);
  assert.equal(table.count, 1);
  table.removeAllOf(RELID);
  assert.deepEqual([table.count, table.pages], [0, 0]);
});

test('what the guest’s encoder writes is what the table reads', () => {
  const range = fc
    .record({ byteOffset: fc.nat(4095), byteCount: fc.integer({ min: 1, max: 40 * 4096 }), seed: fc.nat(4095) })
    .map(
      ({ byteOffset, byteCount, seed }): GpadlRange => ({
        byteOffset,
        byteCount,
        gpns: Array.from(
          { length: Math.ceil((byteOffset + byteCount) / 4096) },
          (_, index) => (seed + index * 7) % 4096,
        ),
      }),
    );
  fc.assert(
    fc.property(fc.array(range, { minLength: 1, maxLength: 10 }), (ranges) => {
      const table = new GpadlTable(memory);
      assert.deepEqual(takeAll(table, ranges), { relid: RELID, handle: HANDLE, refusal: undefined });
      assert.deepEqual(table.ranges(RELID, HANDLE), ranges);
      table.removeAllOf(RELID);
      assert.deepEqual([table.count, table.pages], [0, 0]);
    }),
  );
});

test('any range buffer is taken whole or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 208 }), fc.nat(5), (buffer, rangeCount) => {
      const table = new GpadlTable(memory);
      const outcome = begin(table, buffer, rangeCount);
      if (outcome === 'created')
        assert.ok(
          table.ranges(RELID, HANDLE)?.every(({ gpns }) => gpns.every((gpn) => memory.page(gpn) !== undefined)),
        );
      else assert.equal(table.count, 0);
    }),
  );
});
