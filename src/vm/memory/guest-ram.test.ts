import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GuestRam, ramRegions } from './guest-ram.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

test('RAM leaves out the video memory; up to 3 GiB it is low', () => {
  assert.deepEqual(ramRegions(64 * MIB), [
    { gpa: 0, sizeBytes: 0xa0000, backingOffset: 0 },
    { gpa: 0xc0000, sizeBytes: 64 * MIB - 0xc0000, backingOffset: 0xc0000 },
  ]);
  assert.equal(ramRegions(3 * GIB).length, 2);
});

test('what is above 3 GiB lies from 4 GiB on', () => {
  assert.deepEqual(ramRegions(3 * GIB + 4096)[2], { gpa: 4 * GIB, sizeBytes: 4096, backingOffset: 3 * GIB });
  assert.deepEqual(ramRegions(8 * GIB).slice(1), [
    { gpa: 0xc0000, sizeBytes: 3 * GIB - 0xc0000, backingOffset: 0xc0000 },
    { gpa: 4 * GIB, sizeBytes: 5 * GIB, backingOffset: 3 * GIB },
  ]);
});

test('bytes go in and out at both ends of each region, above 4 GiB too', () => {
  const ram = new GuestRam(4 * GIB);
  try {
    const regions = [0, 0x9fffc, 0xc0000, 3 * GIB - 4, 4 * GIB, 5 * GIB - 4];
    for (const [i, gpa] of regions.entries()) assert.equal(ram.copyIn(gpa, Uint8Array.of(i, 2, 3, 4)), true);
    const read = new Uint8Array(4);
    for (const [i, gpa] of regions.entries()) {
      assert.equal(ram.copyOut(gpa, read), true);
      assert.deepEqual([...read], [i, 2, 3, 4]);
    }
  } finally {
    ram.close();
  }
});

test('an access that touches a byte outside RAM is refused whole', () => {
  const ram = new GuestRam(64 * MIB);
  try {
    const target = new Uint8Array(8).fill(7);
    for (const gpa of [0x9fffc, 0xa0000, 0xbfffc, 64 * MIB - 4, 64 * MIB, 4 * GIB, -1, -8]) {
      assert.equal(ram.contains(gpa, 8), false, `${gpa}`);
      assert.equal(ram.copyOut(gpa, target), false);
      assert.equal(ram.copyIn(gpa, target), false);
    }
    assert.deepEqual([...target], Array(8).fill(7));
    assert.equal(ram.copyOut(0x9fff8, target), true);
    assert.deepEqual([...target], Array(8).fill(0), 'a refused write left nothing behind');
    assert.equal(ram.contains(0x9f000, 0x30000), false, 'nor may it span the hole');
  } finally {
    ram.close();
  }
});

test('numbers that are no addresses are refused', () => {
  const ram = new GuestRam(64 * MIB);
  try {
    for (const gpa of [Number.NaN, Number.POSITIVE_INFINITY, 0.5, 2 ** 53, Number.MAX_SAFE_INTEGER, 2 ** 64]) {
      assert.equal(ram.contains(gpa, 1), false, `${gpa}`);
      assert.equal(ram.copyIn(gpa, new Uint8Array(1)), false);
      assert.equal(ram.page(gpa), undefined);
    }
    assert.equal(ram.contains(0, 2 ** 53), false);
    assert.equal(ram.contains(0, -1), false);
    assert.equal(ram.page(1 / 4096), undefined, 'a page number is whole');
  } finally {
    ram.close();
  }
});

test('a page is a view on RAM, not a copy; the hole has none', () => {
  const ram = new GuestRam(64 * MIB);
  try {
    const page = ram.page(0x9f);
    assert.ok(page);
    Atomics.store(page.words, 1023, 0x0403_0201);
    const read = new Uint8Array(4);
    ram.copyOut(0x9fffc, read);
    assert.deepEqual([...read], [1, 2, 3, 4]);
    assert.equal(page.bytes.byteLength, 4096);
    for (const gpn of [0xa0, 0xbf, 64 * 256, -1]) assert.equal(ram.page(gpn), undefined);
  } finally {
    ram.close();
  }
});

test('DMA reaches all of RAM and nothing else, at the addresses that the guest uses', () => {
  const ram = new GuestRam(4 * GIB);
  try {
    const regions = ram.dmaRegions();
    assert.deepEqual(
      regions.map(({ gpa, sizeBytes }) => [gpa, sizeBytes]),
      ram.regions.map(({ gpa, sizeBytes }) => [gpa, sizeBytes]),
    );
    const [low, , high] = regions;
    assert.ok(low && high);
    assert.equal(high.hostAddress - low.hostAddress, BigInt(3 * GIB));
    assert.equal(low.hostAddress % 4096n, 0n);
    high.bytes[1] = 0xa5;
    const seen = new Uint8Array(2);
    ram.copyOut(high.gpa, seen);
    assert.deepEqual([...seen], [0, 0xa5], 'and software reaches the same memory');
    assert.equal(high.bytes.byteLength, high.sizeBytes);
  } finally {
    ram.close();
  }
});
