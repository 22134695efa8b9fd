import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capabilityOffsets } from './capabilities.ts';
import { decodeRegion } from './region.ts';

/** struct vfio_region_info and capabilities, as 32-bit words. */
function region(...words: readonly number[]): DataView {
  return new DataView(Uint32Array.from(words).buffer);
}

const readWriteMmapCaps = 0xf;

test('a BAR that may be mapped as a whole, with its MSI-X table', () => {
  const view = region(40, readWriteMmapCaps, 0, 32, 0x4000, 0, 0, 0, 0x0001_0003, 0);
  assert.deepEqual(decodeRegion(view), {
    index: 0,
    sizeBytes: 0x4000,
    fileOffset: 0,
    readable: true,
    writable: true,
    mappableAreas: [{ offset: 0, sizeBytes: 0x4000 }],
    msixMappable: true,
  });
});

test('a BAR with a hole, its areas in order and empty ones left out', () => {
  const areas = [0x3000, 0, 0x1000, 0, 0x2000, 0, 0, 0, 0, 0, 0x1000, 0];
  const view = region(96, readWriteMmapCaps, 2, 32, 0x4000, 0, 0, 0x200, 0x0001_0001, 0, 3, 0, ...areas);
  const decoded = decodeRegion(view);
  assert.deepEqual(decoded.mappableAreas, [
    { offset: 0, sizeBytes: 0x1000 },
    { offset: 0x3000, sizeBytes: 0x1000 },
  ]);
  assert.deepEqual([decoded.index, decoded.fileOffset, decoded.msixMappable], [2, 2 ** 41, false]);
});

test('a region that can only be read', () => {
  const decoded = decodeRegion(region(32, 1, 6, 0, 0x1_0000, 0, 0, 0));
  assert.deepEqual([decoded.readable, decoded.writable, decoded.mappableAreas], [true, false, []]);
});

test('capability lists that lead out of the structure or round in circles end', () => {
  assert.deepEqual([...capabilityOffsets(region(0, 0, 0x0001_0005, 8), 8)], [[5, 8]]);
  assert.deepEqual([...capabilityOffsets(region(0, 0, 0x0001_0005, 4000), 8)], [[5, 8]]);
  assert.deepEqual([...capabilityOffsets(region(0, 0, 1, 2), 12)], []);
});
