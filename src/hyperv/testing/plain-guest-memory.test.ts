import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PlainGuestMemory } from './plain-guest-memory.ts';

const memory = new PlainGuestMemory([
  { gpn: 2, pageCount: 1 },
  { gpn: 0, pageCount: 2 },
  { gpn: 0x100000, pageCount: 1 },
]);

test('contains knows the edges of RAM', () => {
  assert.equal(memory.contains(0, 0x3000), true);
  assert.equal(memory.contains(0, 0x3001), false);
  assert.equal(memory.contains(0x2fff, 1), true);
  assert.equal(memory.contains(0x3000, 0x1000), false);
  assert.equal(memory.contains(0x1_0000_0000, 0x1000), true);
  for (const gpa of [-1, 0.5, Number.NaN, 2 ** 53]) assert.equal(memory.contains(gpa, 1), false);
});

test('a copy runs over the seam between two ranges, and a copy that leaves RAM writes nothing', () => {
  memory.poke(0x1ffe, Uint8Array.of(1, 2, 3, 4));
  assert.deepEqual(memory.peek(0x1ffe, 4), Uint8Array.of(1, 2, 3, 4));
  assert.equal(memory.copyIn(0x2ffe, Uint8Array.of(9, 9, 9, 9)), false);
  assert.deepEqual(memory.peek(0x2ffe, 2), Uint8Array.of(0, 0));
});

test('a page is the memory itself, as bytes and as words', () => {
  const page = memory.page(0x100000);
  assert.ok(page);
  Atomics.store(page.words, 1023, 0x04030201);
  assert.deepEqual(memory.peek(0x1_0000_0ffc, 4), Uint8Array.of(1, 2, 3, 4));
  assert.equal(memory.page(3), undefined);
  for (const gpn of [-1, 0.5, Number.NaN]) assert.equal(memory.page(gpn), undefined);
});

test('overlapping ranges, and addresses without RAM, are mistakes of the test', () => {
  assert.throws(
    () =>
      new PlainGuestMemory([
        { gpn: 0, pageCount: 2 },
        { gpn: 1, pageCount: 1 },
      ]),
    RangeError,
  );
  assert.throws(() => memory.peek(0x3000, 1), RangeError);
  assert.throws(() => memory.poke(0x2fff, Uint8Array.of(1, 2)), RangeError);
});
