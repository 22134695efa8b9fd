import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseGuid } from './guid.ts';
import { bytes, guid, Layout, text, u16, u32, u64, u8 } from './layout.ts';
import { hex } from './testing/partition-bench.ts';

const TYPE = parseGuid('44c4f61d-4444-4400-9d52-802e27ede19f');
const EVERYTHING = new Layout('everything', 'this test', 48, {
  byte: u8(0, 'one byte'),
  word: u16(2, 'two'),
  double: u32(4, 'four'),
  quad: u64(8, 'eight'),
  type: guid(16, 'a GUID'),
  name: text(32, 8, 'a name'),
  rest: bytes(40, 4, 'some bytes'),
});
const WIRE = hex(
  '12 00 3456 789ABCDE 0102030405060708 1DF6C444444400449D52802E27EDE19F 6E766D6530000000 AABBCCDD 00000000',
);
const VALUES = {
  byte: 0x12,
  word: 0x5634,
  double: 0xdebc9a78,
  quad: 0x0807060504030201n,
  type: TYPE,
  name: 'nvme0',
  rest: Uint8Array.of(0xaa, 0xbb, 0xcc, 0xdd),
};

test('a field of each type, out of the wire and into it', () => {
  assert.deepEqual(EVERYTHING.decode(WIRE), VALUES);
  assert.deepEqual(EVERYTHING.encode(VALUES), WIRE);
});

test('a table says where each field stands, how long it is and what it means', () => {
  const { byte, word, double, quad, type, name, rest } = EVERYTHING.fields;
  assert.deepEqual(byte, { type: 'u8', offset: 0, sizeBytes: 1, meaning: 'one byte' });
  assert.deepEqual(word, { type: 'u16', offset: 2, sizeBytes: 2, meaning: 'two' });
  assert.deepEqual(double, { type: 'u32', offset: 4, sizeBytes: 4, meaning: 'four' });
  assert.deepEqual(quad, { type: 'u64', offset: 8, sizeBytes: 8, meaning: 'eight' });
  assert.deepEqual(type, { type: 'guid', offset: 16, sizeBytes: 16, meaning: 'a GUID' });
  assert.deepEqual(name, { type: 'text', offset: 32, sizeBytes: 8, meaning: 'a name' });
  assert.deepEqual(rest, { type: 'bytes', offset: 40, sizeBytes: 4, meaning: 'some bytes' });
});

test('it is read where it lies in a larger buffer, and what follows it is left alone', () => {
  const around = new Uint8Array(WIRE.length + 20).fill(0xff);
  around.set(WIRE, 10);
  assert.deepEqual(EVERYTHING.decode(around.subarray(10)), VALUES);
});

test('bytes are copies: what is written into the message afterwards is not seen', () => {
  const wire = WIRE.slice();
  const { rest } = EVERYTHING.decode(wire);
  wire.fill(0);
  assert.deepEqual(rest, VALUES.rest);
});

test('a message that is too short is refused, one that fits exactly is not', () => {
  assert.throws(() => EVERYTHING.decode(WIRE.subarray(0, 47)), {
    name: 'RangeError',
    message: 'everything has 48 bytes, not 47',
  });
  assert.equal(EVERYTHING.decode(WIRE.subarray(0, 48)).byte, 0x12);
});

test('absent fields are zero', () => {
  const wire = EVERYTHING.encode({ word: 0x1122 });
  assert.deepEqual(
    wire,
    Uint8Array.from({ length: 48 }, (_, index) => (index === 2 ? 0x22 : index === 3 ? 0x11 : 0)),
  );
});

test('a text fills its field, or ends at the first zero', () => {
  assert.equal(EVERYTHING.decode(EVERYTHING.encode({ name: '12345678' })).name, '12345678');
  const wire = EVERYTHING.encode({ name: '12345678' });
  wire[32 + 3] = 0;
  assert.equal(EVERYTHING.decode(wire).name, '123');
});

test('of a text or of bytes that are too long as much is written as fits, and no neighbour is touched', () => {
  const wire = EVERYTHING.encode({ name: 'äöüßé', rest: new Uint8Array(6).fill(7) });
  assert.equal(Buffer.from(wire.subarray(32, 40)).toString(), 'äöüß');
  assert.deepEqual(wire.subarray(40, 46), Uint8Array.of(7, 7, 7, 7, 0, 0));
  assert.equal(Buffer.from(EVERYTHING.encode({ name: '1234567ä' }).subarray(32, 40)).toString(), '1234567\0');
});
