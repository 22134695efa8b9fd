import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '../testing/bytes.ts';
import { decodeHostMessage } from './decode-host.ts';

test('each of the messages that a host may send', () => {
  assert.deepEqual(decodeHostMessage(hex('0b004942 25000000')), { kind: 'eject', slot: 0x25 });
  assert.deepEqual(decodeHostMessage(hex('02004942 03000000')), { kind: 'invalidate-device', slot: 3 });
  assert.deepEqual(decodeHostMessage(hex('03004942')), { kind: 'invalidate-bus' });
  assert.deepEqual(decodeHostMessage(hex('12004942 01000000 0500000000000080')), {
    kind: 'invalidate-block',
    slot: 1,
    blockMask: 0x8000_0000_0000_0005n,
  });
  assert.deepEqual(decodeHostMessage(hex('00004942 00000000')), { kind: 'bus-relations', functions: [] });
  assert.deepEqual(decodeHostMessage(hex('19004942 00000000')), { kind: 'bus-relations', functions: [] });
});

test('a function of BUS_RELATIONS2 has a NUMA node only where the host says that it is valid', () => {
  const [plain, placed] = ['00000000', '01000000'].map((flags) =>
    decodeHostMessage(hex(`19004942 01000000 361b0100 02020801 00000000 21000000 07000000 ${flags} 03000000`)),
  );
  const identity = {
    vendorId: 0x1b36,
    deviceId: 1,
    revisionId: 2,
    programmingInterface: 2,
    subClass: 8,
    baseClass: 1,
    subsystemVendorId: 0,
    subsystemId: 0,
  };
  const one = { identity, slot: 0x21, serial: 7 };
  assert.deepEqual(plain, { kind: 'bus-relations', functions: [{ ...one, virtualNumaNode: undefined }] });
  assert.deepEqual(placed, { kind: 'bus-relations', functions: [{ ...one, virtualNumaNode: 3 }] });
});

test('what is unknown or shorter than its message is dropped', () => {
  for (const text of [
    '',
    '0b0049',
    '04004942 00000000',
    'ffffffff 00000000',
    '0b004942',
    '0b004942 000000',
    '03004900',
  ]) {
    assert.equal(decodeHostMessage(hex(text)), undefined, text);
  }
});

test('it is read from anywhere in a larger buffer', () => {
  assert.deepEqual(decodeHostMessage(hex('ffffffff 0b004942 25000000').subarray(4)), { kind: 'eject', slot: 0x25 });
});
