import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressMap } from './address-map.ts';

/** Answers each read with its offset plus 0x1100…, and writes down what is written. */
function recorder() {
  const writes: [number, number, bigint][] = [];
  return {
    writes,
    read: (offset: number) => 0x1122_3344_5566_7700n + BigInt(offset),
    write: (offset: number, sizeBytes: number, value: bigint) => void writes.push([offset, sizeBytes, value]),
  };
}

test('a claimed range answers, in offsets from its start, cut to the size of the access', () => {
  const map = new AddressMap();
  const range = recorder();
  assert.equal(map.claim(0xe000_0000, 0x2000, range), true);
  assert.equal(map.read(0xe000_0000, 8), 0x1122_3344_5566_7700n);
  assert.equal(map.read(0xe000_1ffc, 4), 0x5566_96fcn);
  assert.equal(map.read(0xe000_0004, 1), 0x04n);
  map.write(0xe000_1ffe, 2, 0xbeefn);
  assert.deepEqual(range.writes, [[0x1ffe, 2, 0xbeefn]]);
});

test('where nobody is, reads are ones of the size asked for and writes are swallowed', () => {
  const map = new AddressMap();
  for (const [sizeBytes, ones] of [
    [1, 0xffn],
    [2, 0xffffn],
    [4, 0xffff_ffffn],
    [8, 0xffff_ffff_ffff_ffffn],
  ] as const)
    assert.equal(map.read(0x1234, sizeBytes), ones);
  map.write(0x1234, 4, 1n);
});

test('an access that begins in a range and ends outside it reaches nobody', () => {
  const map = new AddressMap();
  const range = recorder();
  map.claim(0x1000, 0x1000, range);
  assert.equal(map.read(0x0ffe, 4), 0xffff_ffffn);
  assert.equal(map.read(0x1ffe, 4), 0xffff_ffffn);
  map.write(0x1ffc, 8, 0n);
  map.write(0x0fff, 2, 0n);
  assert.deepEqual(range.writes, []);
});

test('two ranges side by side do not share an access that spans both', () => {
  const map = new AddressMap();
  const [low, high] = [recorder(), recorder()];
  assert.equal(map.claim(0x1000, 0x1000, low) && map.claim(0x2000, 0x1000, high), true);
  assert.equal(map.read(0x1ffc, 8), 0xffff_ffff_ffff_ffffn);
  assert.equal(map.read(0x1ff8, 8), 0x1122_3344_5566_86f8n);
  assert.equal(map.read(0x2000, 8), 0x1122_3344_5566_7700n);
});

test('sizes that no register has, as the halves of an access across a page, reach nobody', () => {
  const map = new AddressMap();
  const range = recorder();
  map.claim(0x1000, 0x1000, range);
  assert.equal(map.read(0x1000, 3), 0xff_ffffn);
  map.write(0x1000, 5, 1n);
  assert.deepEqual(range.writes, []);
});

test('a claim that meets another in one byte is refused and changes nothing', () => {
  const map = new AddressMap();
  const first = recorder();
  map.claim(0x2000, 0x1000, first);
  for (const [gpa, sizeBytes] of [
    [0x2000, 0x1000],
    [0x1fff, 2],
    [0x2fff, 1],
    [0x1000, 0x3000],
    [0x2800, 0x10],
  ] as const) {
    assert.equal(map.overlaps(gpa, sizeBytes), true);
    assert.equal(map.claim(gpa, sizeBytes, recorder()), false);
  }
  assert.equal(map.overlaps(0x1000, 0x1000) || map.overlaps(0x3000, 1), false);
  assert.equal(map.read(0x2000, 1), 0n);
});

test('a released range can be claimed anew; releasing what is not there is harmless', () => {
  const map = new AddressMap();
  map.claim(0x1000, 0x1000, recorder());
  map.release(0x1800);
  assert.equal(map.read(0x1000, 1), 0n, 'a range is released by its start alone');
  map.release(0x1000);
  assert.equal(map.read(0x1000, 1), 0xffn);
  assert.equal(map.claim(0x1800, 0x1000, recorder()), true);
});
