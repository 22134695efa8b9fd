import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, guid, Layout, u16, u32, u64, u8 } from '../../vmbus/index.ts';
import { describePacket } from './describe.ts';
import { hex } from '../testing/bytes.ts';
import { formatFields, isHexadecimal, readFields, tailName } from './read-fields.ts';
import type { MessageShape } from './shape.ts';

const ITEM = new Layout('item', 'this test', 3, { vector: u8(0, 'a vector'), weight: u16(1, 'a weight') });
const NUMBER = new Layout('number', 'this test', 2, { number: u16(0, 'a number') });
const MESSAGE: MessageShape = {
  layout: new Layout('message', 'this test', 40, {
    type: u32(0, 'message type'),
    status: u32(4, 'status'),
    key: u64(8, 'key'),
    id: guid(16, 'id'),
    blob: bytes(32, 2, 'bytes'),
    numbers: bytes(34, 2, 'one number'),
    itemCount: u32(36, 'how many follow'),
  }),
  parts: { numbers: { shape: { layout: NUMBER }, cellBytes: 2 } },
  tail: { shape: { layout: ITEM }, cellBytes: 4, countField: 'itemCount', most: 10 },
};
const FIXED = '01000000 0b0900c0 1f00000000000000 1df6c444444400449d52802e27ede19f';

/** With `count` announced and `present` of them there. */
function message(count: number, present: number): Uint8Array {
  const items = Array.from({ length: present }, (_, index) => `2${index.toString(16)}0100ff`).join('');
  const digits = count.toString(16).padStart(2, '0');
  return hex(`${FIXED} aabb 0500 ${digits}000000 ${items}`);
}

const format = (payload: Uint8Array): string => formatFields(readFields(MESSAGE, payload)).join(' ');

test('each kind of field as a person reads it, the message type left out', () => {
  assert.equal(
    format(message(0, 0)),
    'status=0xc000090b BAD_DATA key=0x1f id=44c4f61d-4444-4400-9d52-802e27ede19f blob=2 bytes numbers=[5] itemCount=0',
  );
});

test('bytes that are all zero and structures that are all zero say nothing', () => {
  assert.equal(
    format(hex(FIXED, 40)),
    'status=0xc000090b BAD_DATA key=0x1f id=44c4f61d-4444-4400-9d52-802e27ede19f itemCount=0',
  );
});

test('what follows the fixed part is called after the field that counts it', () => {
  assert.equal(tailName('descriptorCount'), 'descriptors');
  const items = readFields(MESSAGE, message(2, 2)).at(-1);
  assert.ok(items !== undefined && 'cells' in items);
  assert.deepEqual([items.name, items.cells.length, items.missing], ['items', 2, 0]);
  assert.match(format(message(2, 2)), / items=\[\{vector=0x20 weight=1\}, \{vector=0x21 weight=1\}\]$/);
});

test('of a long list the first eight are shown', () => {
  assert.match(format(message(8, 8)), /vector=0x27 weight=1\}\]$/);
  assert.match(format(message(10, 10)), /vector=0x27 weight=1\}, … 2 more\]$/);
});

test('cells that are announced and not there are counted as missing', () => {
  assert.match(format(message(3, 1)), / items=\[\{vector=0x20 weight=1\}\] \(2 missing\)$/);
  assert.match(format(message(3, 0)), / itemCount=3 \(3 missing\)$/);
  assert.match(format(message(12, 12)), /… 2 more\] \(2 missing\)$/, 'a message holds at most ten');
});

test('which numbers are shown in hexadecimal', () => {
  for (const [name, type] of [
    ['type', 'u32'],
    ['key', 'u64'],
    ['vector', 'u8'],
    ['vendorId', 'u16'],
    ['status', 'u32'],
  ] as const) {
    assert.equal(isHexadecimal(name, type), true, name);
  }
  assert.equal(isHexadecimal('slot', 'u32'), false);
  assert.equal(isHexadecimal('itemCount', 'u32'), false);
});

test('a message that is cut short is named, with what is there of it', () => {
  assert.equal(describePacket(hex('0b004942 0000'), 'host-to-guest'), 'EJECT cut short (6 of 8 bytes)');
  assert.equal(describePacket(hex('0b00'), 'host-to-guest'), '(2 bytes)');
  assert.equal(describePacket(hex('63004942'), 'guest-to-host'), 'unknown message 0x42490063 (4 bytes)');
  assert.equal(describePacket(hex('63004942'), 'host-to-guest'), 'unknown message 0x42490063 (4 bytes)');
});

test('a completion is read by what it answers; a refusal is a bare status', () => {
  const query = 0x4249_0013;
  assert.equal(
    describePacket(hex('00000000 04000100'), 'completion', query),
    'QUERY_PROTOCOL_VERSION completion status=0x0 SUCCESS version=1.4',
  );
  assert.equal(
    describePacket(hex('590000c0 04000100'), 'completion', query),
    'QUERY_PROTOCOL_VERSION completion status=0xc0000059 REVISION_MISMATCH',
  );
  assert.equal(
    describePacket(hex('00000000'), 'completion', query),
    'QUERY_PROTOCOL_VERSION completion status=0x0 SUCCESS',
  );
  assert.equal(describePacket(hex('01000000 04000100'), 'completion'), 'completion status=0x1');
  assert.equal(describePacket(hex('00'), 'completion', query), 'empty completion');
});
