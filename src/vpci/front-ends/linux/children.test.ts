import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Child, barRoom, sameFunction, windowAlignment } from './children.ts';

const DESCRIPTION = {
  identity: {
    vendorId: 0x1b36,
    deviceId: 0x0010,
    revisionId: 2,
    programmingInterface: 2,
    subClass: 8,
    baseClass: 1,
    subsystemVendorId: 0x1af4,
    subsystemId: 0x1100,
  },
  slot: 0x21,
  serial: 7,
  virtualNumaNode: undefined,
};
const child = (...barMasks: number[]): Child => ({ description: DESCRIPTION, barMasks, numaNode: 0 });

test('Linux takes a function for the one it knows by slot, serial number, vendor and device, and by nothing else', () => {
  const { identity } = DESCRIPTION;
  const others = { ...identity, revisionId: 3, baseClass: 2, subsystemId: 1 };
  assert.equal(sameFunction(DESCRIPTION, { ...DESCRIPTION, identity: others, virtualNumaNode: 1 }), true);
  assert.equal(sameFunction(DESCRIPTION, { ...DESCRIPTION, slot: 0x22 }), false);
  assert.equal(sameFunction(DESCRIPTION, { ...DESCRIPTION, serial: 8 }), false);
  assert.equal(sameFunction(DESCRIPTION, { ...DESCRIPTION, identity: { ...identity, vendorId: 0x8086 } }), false);
  assert.equal(sameFunction(DESCRIPTION, { ...DESCRIPTION, identity: { ...identity, deviceId: 0x11 } }), false);
});

test('room for BARs: 32 bits below 4 GiB, 64 bits above, each in whole pages', () => {
  assert.deepEqual(barRoom([]), { low: 0, high: 0 });
  assert.deepEqual(barRoom([child(0, 0, 0, 0, 0, 0)]), { low: 0, high: 0 });
  assert.deepEqual(barRoom([child(0xffff_f000, 0xffff_ff08, 0, 0, 0, 0xfff0_0000)]), { low: 0x10_2000, high: 0 });
  assert.deepEqual(barRoom([child(0xffff_c004, 0xffff_ffff, 0x0000_000c, 0xffff_fffe, 0, 0)]), {
    low: 0,
    high: 0x4000 + 2 ** 33,
  });
  assert.deepEqual(barRoom([child(0xffff_c004, 0xffff_ffff, 0xffff_e000), child(0xffff_e000)]), {
    low: 0x4000,
    high: 0x4000,
  });
});

test('a mask of 64 bits whose upper half is missing is taken for one below 4 GiB in size', () => {
  assert.deepEqual(barRoom([child(0, 0, 0, 0, 0, 0xffff_c004)]), { low: 0, high: 0x4000 });
});

test('a window begins at a multiple of the largest power of two that is no larger than it', () => {
  assert.deepEqual(
    [0x1000, 0x1001, 0x1fff, 0x2000, 0x6000].map(windowAlignment),
    [0x1000, 0x1000, 0x1000, 0x2000, 0x4000],
  );
});
