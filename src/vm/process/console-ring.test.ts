import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConsoleRing } from './console-ring.ts';

test('what is kept is the end of what was printed, whatever the pieces', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 24 }), { maxLength: 12 });
  fc.assert(
    fc.property(pieces, fc.nat(100), fc.integer({ min: 1, max: 9 }), (printed, from, maxBytes) => {
      const ring = new ConsoleRing(16);
      for (const piece of printed) ring.push(piece);
      const all = printed.flatMap((piece) => [...piece]);
      assert.equal(ring.totalBytes, all.length);
      const seen: number[] = [];
      const first = Math.max(from, all.length - 16, 0);
      for (let at = from; ; ) {
        const chunk = ring.read(at, maxBytes);
        if (chunk === undefined) break;
        assert.ok(chunk.bytes.byteLength > 0 && chunk.bytes.byteLength <= maxBytes);
        assert.equal(chunk.offset, Math.max(at, first));
        seen.push(...chunk.bytes);
        at = chunk.offset + chunk.bytes.byteLength;
      }
      assert.deepEqual(seen, all.slice(first));
    }),
  );
});
