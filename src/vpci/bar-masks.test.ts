import assert from 'node:assert/strict';
import { test } from 'node:test';
import { barMasks } from './bar-masks.ts';

test('a 16 KiB 32-bit BAR', () => {
  assert.deepEqual(
    barMasks([{ index: 0, kind: 'memory32', prefetchable: false, sizeBytes: 0x4000 }]),
    [0xffff_c000, 0, 0, 0, 0, 0],
  );
});

test('a 64-bit BAR takes two registers, with its type and prefetch bits in the first', () => {
  assert.deepEqual(
    barMasks([
      { index: 0, kind: 'memory64', prefetchable: false, sizeBytes: 0x4000 },
      { index: 2, kind: 'memory64', prefetchable: true, sizeBytes: 2 ** 33 },
      { index: 5, kind: 'memory32', prefetchable: true, sizeBytes: 0x1000 },
    ]),
    [0xffff_c004, 0xffff_ffff, 0x0000_000c, 0xffff_fffe, 0, 0xffff_f008],
  );
});

test('shapes that no function can have are refused', () => {
  const bar = { kind: 'memory32', prefetchable: false, sizeBytes: 0x1000 } as const;
  assert.throws(() => barMasks([{ ...bar, index: 6 }]), RangeError);
  assert.throws(() => barMasks([{ ...bar, index: 5, kind: 'memory64' }]), RangeError);
  assert.throws(
    () =>
      barMasks([
        { ...bar, index: 0, kind: 'memory64' },
        { ...bar, index: 1 },
      ]),
    RangeError,
  );
  for (const sizeBytes of [0x800, 0x1800, 2 ** 32])
    assert.throws(() => barMasks([{ ...bar, index: 0, sizeBytes }]), RangeError);
});

test('the largest BAR that 32 bits can place, and registers that there are not', () => {
  const bar = { kind: 'memory32', prefetchable: false, sizeBytes: 2 ** 31 } as const;
  assert.deepEqual(barMasks([{ ...bar, index: 0 }]), [0x8000_0000, 0, 0, 0, 0, 0]);
  assert.deepEqual(
    barMasks([{ ...bar, kind: 'memory64', sizeBytes: 2 ** 32, index: 4 }]),
    [0, 0, 0, 0, 4, 0xffff_ffff],
  );
  for (const index of [-1, 0.5]) assert.throws(() => barMasks([{ ...bar, index }]), RangeError);
});
