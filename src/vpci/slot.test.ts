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
