import assert from 'node:assert/strict';
import { test } from 'node:test';
import { piecesOf } from './mapping-pieces.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

test('pieces cover a mapping in order, at the same distance, and end at whole huge pages', () => {
  for (const mapping of [
    { iova: 0, sizeBytes: 0xa0000, hostAddress: 0x7f00_0000_0000n },
    { iova: 0xc0000, sizeBytes: 3 * GIB - 0xc0000, hostAddress: 0x7f00_000c_0000n },
    { iova: 4 * GIB, sizeBytes: 4096, hostAddress: 1n },
    { iova: 4 * GIB, sizeBytes: 2 ** 43, hostAddress: 1n },
  ]) {
    const pieces = piecesOf(mapping);
    let next = mapping.iova;
    for (const piece of pieces) {
      assert.equal(piece.iova, next);
      assert.equal(piece.hostAddress - mapping.hostAddress, BigInt(piece.iova - mapping.iova));
      assert.ok(piece.sizeBytes > 0);
      next += piece.sizeBytes;
      if (piece !== pieces.at(-1)) assert.equal(next % (2 * MIB), 0);
    }
    assert.equal(next, mapping.iova + mapping.sizeBytes);
  }
});

test('a piece of a guest of the usual size is 64 MiB; of a huge one there are not many more than a thousand', () => {
  const sizes = piecesOf({ iova: 4 * GIB, sizeBytes: 3 * GIB, hostAddress: 0n }).map(({ sizeBytes }) => sizeBytes);
  assert.deepEqual(new Set(sizes), new Set([64 * MIB]));
  assert.equal(sizes.length, 48);
  // The first ends where the others do.
  assert.ok(piecesOf({ iova: 4 * GIB, sizeBytes: 2 ** 43, hostAddress: 0n }).length <= 1025);
});
