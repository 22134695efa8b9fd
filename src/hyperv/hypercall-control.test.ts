import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeControl, encodeResult } from './hypercall-control.ts';
import { HypercallStatus } from './hypercall-status.ts';

const simple = { fast: false, variableHeaderSize: 0, repCount: 0, repStartIndex: 0, reservedBitsSet: false };

test('control words that Linux uses', () => {
  assert.deepEqual(decodeControl(0x5cn), { ...simple, callCode: 0x5c });
  assert.deepEqual(decodeControl(0x1_005dn), { ...simple, callCode: 0x5d, fast: true });
  assert.deepEqual(decodeControl(0x4_007en), { ...simple, callCode: 0x7e, variableHeaderSize: 2 });
});

test('every field at its widest', () => {
  assert.deepEqual(decodeControl(0x0fff_0fff_07ff_ffffn), {
    callCode: 0xffff,
    fast: true,
    variableHeaderSize: 0x3ff,
    repCount: 0xfff,
    repStartIndex: 0xfff,
    reservedBitsSet: false,
  });
});

test('each reserved bit is seen', () => {
  for (const bit of [27, 28, 29, 30, 31, 44, 45, 46, 47, 60, 61, 62, 63]) {
    assert.equal(decodeControl(0x5cn | (1n << BigInt(bit))).reservedBitsSet, true, `bit ${bit}`);
  }
});

test('the result value', () => {
  assert.equal(encodeResult(HypercallStatus.SUCCESS), 0n);
  assert.equal(encodeResult(HypercallStatus.INVALID_CONNECTION_ID), 0x12n);
  assert.equal(encodeResult(HypercallStatus.SUCCESS, 0xfff), 0xfff_0000_0000n);
});
