import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOf } from '../libc/library.ts';
import { encodeMsrFilter } from './msr-filter.ts';

test('everything is allowed but what is named', () => {
  const { filter, bitmaps } = encodeMsrFilter([
    { base: 0x4000_0000, count: 0x1000 },
    { base: 0x10, count: 1, access: 'write' },
  ]);
  const view = new DataView(filter.buffer);
  assert.equal(filter.byteLength, 392);
  assert.equal(view.getUint32(0, true), 0);
  assert.deepEqual(
    [8, 12, 16].map((at) => view.getUint32(at, true)),
    [3, 0x1000, 0x4000_0000],
  );
  assert.deepEqual(
    [32, 36, 40].map((at) => view.getUint32(at, true)),
    [2, 1, 0x10],
  );
  assert.deepEqual(
    bitmaps.map((bitmap) => bitmap.byteLength),
    [512, 1],
  );
  for (const [i, bitmap] of bitmaps.entries()) {
    assert.equal(view.getBigUint64(8 + i * 24 + 16, true), addressOf(bitmap));
    assert.equal(
      bitmap.every((byte) => byte === 0),
      true,
    );
  }
});

test('more than KVM takes is refused here', () => {
  assert.throws(() => encodeMsrFilter(Array.from({ length: 17 }, (_, base) => ({ base, count: 1 }))), RangeError);
  assert.throws(() => encodeMsrFilter([{ base: 0, count: 0 }]), RangeError);
  assert.throws(() => encodeMsrFilter([{ base: 0, count: 0x3001 }]), RangeError);
});
