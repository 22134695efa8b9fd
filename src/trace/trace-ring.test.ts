import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type TraceCursor, TraceRing } from './trace-ring.ts';

/** Puts a record of `sizeBytes` in that holds its own number. */
function put(ring: TraceRing, sizeBytes: number): void {
  const number = ring.nextSequence;
  const at = ring.reserve(sizeBytes);
  ring.bytes.fill(number & 0xff, at, at + sizeBytes);
}

/** Lengths and first bytes of the records in a chunk. */
function recordsOf(chunk: Uint8Array): [number, number][] {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  const found: [number, number][] = [];
  for (let at = 0; at < chunk.byteLength; at += 4 + view.getUint32(at, true)) {
    found.push([view.getUint32(at, true), chunk[at + 4] ?? -1]);
  }
  return found;
}

test('a reader is given every record once, or told how many it has missed', () => {
  const step = fc.oneof(
    fc.record({ put: fc.integer({ min: 1, max: 200 }) }),
    fc.record({ read: fc.integer({ min: 1, max: 600 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const ring = new TraceRing(512);
      const sizes: number[] = [];
      let cursor: TraceCursor = ring.end();
      let next = 0;
      for (const one of steps) {
        if ('put' in one) {
          put(ring, one.put);
          sizes.push(one.put);
          continue;
        }
        const found = ring.read(cursor, one.read);
        if (found === undefined) {
          assert.equal(next, sizes.length);
          continue;
        }
        cursor = found.next;
        next += found.chunk.lost;
        for (const [sizeBytes, first] of recordsOf(found.chunk.records)) {
          assert.deepEqual([sizeBytes, first], [sizes[next], next & 0xff]);
          next += 1;
        }
      }
      for (let found = ring.read(cursor, 64); found !== undefined; found = ring.read(found.next, 64)) {
        next += found.chunk.lost + recordsOf(found.chunk.records).length;
      }
      assert.equal(next, sizes.length);
    }),
  );
});

test('the oldest make room, and only they', () => {
  const ring = new TraceRing(64);
  const cursor = ring.end();
  // 24 bytes each with its length: two fit beside the start, the third goes round.
  for (let count = 0; count < 3; count += 1) put(ring, 20);
  assert.deepEqual([ring.holds(0), ring.holds(1), ring.holds(2), ring.holds(3)], [false, true, true, false]);
  assert.equal(ring.read(cursor, 1000)?.chunk.lost, 1);
  put(ring, 60);
  assert.deepEqual([ring.holds(2), ring.holds(3)], [false, true]);
  assert.throws(() => put(ring, 61), RangeError);
});

test('readers do not disturb each other', () => {
  const ring = new TraceRing(1024);
  const early = ring.end();
  put(ring, 8);
  const late = ring.end();
  put(ring, 8);
  assert.equal(recordsOf(ring.read(early, 1000)?.chunk.records ?? new Uint8Array()).length, 2);
  assert.equal(recordsOf(ring.read(late, 1000)?.chunk.records ?? new Uint8Array()).length, 1);
  assert.equal(ring.read(ring.end(), 1000), undefined);
});
