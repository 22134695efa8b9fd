import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatSlot, slotFields, slotOf } from './slot.ts';

test('a slot holds device and function', () => {
  assert.equal(slotOf(5, 1), 0x25);
  assert.deepEqual(slotFields(0xff), { device: 31, pciFunction: 7 });
  assert.equal(formatSlot(slotOf(31, 7)), '1f.7');
  assert.equal(formatSlot(0x1_0000), 'slot 0x10000');
  assert.throws(() => slotOf(32, 0), RangeError);
  assert.throws(() => slotOf(0, 8), RangeError);
});

test('what is no place is refused, and what holds more than a place is shown as the number it is', () => {
  for (const number of [-1, 0.5, 32]) assert.throws(() => slotOf(number, 0), RangeError);
  for (const number of [-1, 0.5, 8]) assert.throws(() => slotOf(0, number), RangeError);
  assert.equal(slotOf(0, 0), 0);
  assert.equal(formatSlot(0xff), '1f.7');
  assert.equal(formatSlot(0x100), 'slot 0x100');
  assert.equal(formatSlot(-1), 'slot 0x-1');
});
