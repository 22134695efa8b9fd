import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DmaMappings } from './dma-mappings.ts';

const low = { iova: 0, sizeBytes: 0x8000, hostAddress: 0x7f00_0000_0000n };
const high = { iova: 2 ** 32, sizeBytes: 0x1000, hostAddress: 0x7f00_1000_0000n };

test('the first hold maps, the last release unmaps', () => {
  const mappings = new DmaMappings();
  assert.equal(mappings.hold(low), true);
  assert.equal(mappings.hold(high), true);
  assert.equal(mappings.hold({ ...low }), false);
  assert.equal(mappings.totalBytes, 0x9000);
  assert.equal(mappings.release(low.iova, low.sizeBytes), false);
  assert.equal(mappings.release(low.iova, low.sizeBytes), true);
  assert.equal(mappings.release(low.iova, low.sizeBytes), false);
  assert.equal(mappings.totalBytes, 0x1000);
});

test('a release of something else changes nothing', () => {
  const mappings = new DmaMappings();
  mappings.hold(low);
  assert.equal(mappings.release(low.iova, 0x4000), false);
  assert.equal(mappings.release(0x1000, 0x1000), false);
  assert.equal(mappings.totalBytes, low.sizeBytes);
});

test('addresses lead to one memory', () => {
  const mappings = new DmaMappings();
  mappings.hold(low);
  for (const iova of [0, 0x1000, 0x7000]) {
    assert.throws(() => mappings.hold({ iova, sizeBytes: 0x1000, hostAddress: 1n }), {
      code: 'vfio-dma-overlap',
      message: /0x0–0x7fff are mapped/,
    });
  }
  assert.throws(() => mappings.hold({ ...low, hostAddress: 1n }), { code: 'vfio-dma-overlap' });
  assert.equal(mappings.hold({ iova: 0x8000, sizeBytes: 0x1000, hostAddress: 1n }), true);
  mappings.clear();
  assert.equal(mappings.totalBytes, 0);
});
