import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RecordingVm } from '../testing/recording-vm.ts';
import { MemorySlots } from './memory-slots.ts';

test('slots take the lowest free number', () => {
  const vm = new RecordingVm();
  const slots = new MemorySlots(vm, 8);
  const first = slots.map(0x1000, 0x1000, 0x7000n, false);
  const second = slots.map(0x2000, 0x1000, 0x8000n, true);
  assert.deepEqual([first.slot, second.slot, slots.count], [0, 1, 2]);
  assert.deepEqual(vm.regions.get(1), {
    slot: 1,
    gpa: 0x2000,
    sizeBytes: 0x1000,
    hostAddress: 0x8000n,
    readOnly: true,
  });
  slots.unmap(first);
  assert.equal(vm.regions.has(0), false);
  assert.equal(slots.map(0x9000, 0x1000, 0x7000n, false).slot, 0);
});

test('ranges never overlap; they may touch', () => {
  const vm = new RecordingVm();
  const slots = new MemorySlots(vm, 8);
  slots.map(0x2000, 0x2000, 0x7000n, false);
  for (const [gpa, sizeBytes] of [
    [0x2000, 0x2000],
    [0x1000, 0x1001],
    [0x3fff, 1],
    [0, 0x10000],
  ] as const) {
    assert.equal(slots.overlaps(gpa, sizeBytes), true);
    assert.throws(() => slots.map(gpa, sizeBytes, 0x9000n, false), /already mapped/);
  }
  slots.map(0x1000, 0x1000, 0x9000n, false);
  slots.map(0x4000, 0x1000, 0x9000n, false);
  assert.equal(vm.regions.size, 3);
});

test("beyond KVM's limit the refusal says what to do", () => {
  const slots = new MemorySlots(new RecordingVm(), 2);
  slots.map(0, 0x1000, 0x7000n, false);
  const second = slots.map(0x1000, 0x1000, 0x8000n, false);
  assert.throws(() => slots.map(0x2000, 0x1000, 0x9000n, false), /all 2 memory slots .* eject a function/);
  slots.unmap(second);
  assert.equal(slots.map(0x2000, 0x1000, 0x9000n, false).slot, 1);
});

test('what KVM refuses is not counted as mapped', () => {
  const vm = new RecordingVm();
  const slots = new MemorySlots(vm, 8);
  vm.refusal = 'ENOMEM';
  assert.throws(() => slots.map(0, 0x1000, 0x7000n, false), /ENOMEM/);
  assert.deepEqual([slots.count, slots.overlaps(0, 0x1000)], [0, false]);
  assert.equal(slots.map(0, 0x1000, 0x7000n, false).slot, 0);
});

test('a slot is unmapped once', () => {
  const slots = new MemorySlots(new RecordingVm(), 8);
  const slot = slots.map(0, 0x1000, 0x7000n, false);
  slots.unmap(slot);
  assert.throws(() => slots.unmap(slot), /not mapped/);
  slots.map(0, 0x1000, 0x7000n, false);
  assert.throws(() => slots.unmap(slot), /not mapped/, 'another mapping has the number now');
});
