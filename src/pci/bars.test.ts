import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { barSizeFromMask, barSizingMask, decodeBarTypes } from './bars.ts';
import { ahci, e1000e, megasas, nvme, virtioRng } from './testing/captured-functions.ts';
import type { CapturedFunction } from './testing/captured-functions.ts';

/** index, kind, prefetchable, size of the BARs that exist. */
function bars(captured: CapturedFunction): [number, string, boolean, number][] {
  return decodeBarTypes(captured.config).flatMap(({ index, kind, prefetchable }) => {
    const low = captured.barMasks[index] ?? 0;
    const high = kind === 'memory64' ? captured.barMasks[index + 1] : undefined;
    const size = barSizeFromMask({ low, high });
    return size === 0 ? [] : [[index, kind, prefetchable, size]];
  });
}

test("the BARs of QEMU's devices", () => {
  assert.deepEqual(bars(nvme), [[0, 'memory64', false, 0x4000]]);
  assert.deepEqual(bars(virtioRng), [
    [1, 'memory32', false, 0x1000],
    [4, 'memory64', true, 0x4000],
  ]);
  assert.deepEqual(bars(e1000e), [
    [0, 'memory32', false, 0x20000],
    [1, 'memory32', false, 0x20000],
    [2, 'io', false, 0x20],
    [3, 'memory32', false, 0x4000],
  ]);
  assert.deepEqual(bars(megasas), [
    [0, 'io', false, 0x100],
    [1, 'memory64', false, 0x4000],
    [3, 'memory64', false, 0x40000],
  ]);
  assert.deepEqual(bars(ahci), [
    [4, 'io', false, 0x20],
    [5, 'memory32', false, 0x1000],
  ]);
});

test('a 64-bit type in the last register is read as a 32-bit BAR', () => {
  const config = new Uint8Array(64);
  config[0x24] = 0x04;
  assert.deepEqual(decodeBarTypes(config).at(-1), { index: 5, kind: 'memory32', prefetchable: false });
});

test('an I/O BAR may leave its upper half out', () => {
  assert.equal(barSizeFromMask({ low: 0x0000_ffe1, high: undefined }), 0x20);
});

test('sizing masks and sizes are inverse', () => {
  const kinds = fc.constantFrom('memory32' as const, 'memory64' as const, 'io' as const);
  fc.assert(
    fc.property(kinds, fc.boolean(), fc.integer({ min: 4, max: 40 }), (kind, prefetchable, exponent) => {
      const size = 2 ** (kind === 'memory64' ? exponent : Math.min(exponent, 30));
      assert.equal(barSizeFromMask(barSizingMask({ kind, prefetchable }, size)), size);
    }),
  );
});

test('the sizing masks of a 16 KiB and of an 8 GiB BAR', () => {
  assert.deepEqual(barSizingMask({ kind: 'memory32', prefetchable: false }, 0x4000), {
    low: 0xffffc000,
    high: undefined,
  });
  assert.deepEqual(barSizingMask({ kind: 'memory64', prefetchable: true }, 2 ** 33), { low: 0xc, high: 0xfffffffe });
});
