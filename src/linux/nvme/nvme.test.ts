import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodePassthru, passthruSizeBytes, sendNvmeAdmin } from './admin-command.ts';
import {
  decodeController,
  decodePrimaryCapabilities,
  decodeSecondaryControllers,
  identifyController,
  identifyPrimaryCapabilities,
  identifySecondaryControllers,
} from './identify.ts';
import { nvmeStatusText } from './status.ts';
import { assignToSecondary, bringSecondaryOnline, NvmeResource, takeSecondaryOffline } from './virtualization.ts';

test('commands are the dwords that the specification says', () => {
  const dwords = ({ opcode, cdw10, cdw11 }: { opcode: number; cdw10: number; cdw11: number }) => [opcode, cdw10, cdw11];
  assert.deepEqual(dwords(identifyController()), [0x06, 0x0000_0001, 0]);
  assert.deepEqual(dwords(identifyPrimaryCapabilities(0x8001)), [0x06, 0x8001_0014, 0]);
  assert.deepEqual(dwords(identifySecondaryControllers(3)), [0x06, 0x0003_0015, 0]);
  assert.deepEqual(dwords(assignToSecondary(2, NvmeResource.queues, 5)), [0x1c, 0x0002_0008, 5]);
  assert.deepEqual(dwords(assignToSecondary(2, NvmeResource.interrupts, 4)), [0x1c, 0x0002_0108, 4]);
  assert.deepEqual(dwords(bringSecondaryOnline(0xfffe)), [0x1c, 0xfffe_0009, 0]);
  assert.deepEqual(dwords(takeSecondaryOffline(1)), [0x1c, 0x0001_0007, 0]);
});

test('the kernel gets the command in its own structure, byte for byte', () => {
  const bytes = encodePassthru(assignToSecondary(0x1234, NvmeResource.interrupts, 0x56), 0n, 30_000);
  const expected = new Uint8Array(passthruSizeBytes);
  expected.set([0x1c], 0);
  expected.set([0x08, 0x01, 0x34, 0x12], 40);
  expected.set([0x56], 44);
  expected.set([0x30, 0x75], 64);
  assert.deepEqual(bytes, expected);
});

test('the address and the size of the answer stand where the kernel looks for them', () => {
  const bytes = encodePassthru(identifyController(), 0x7f00_1234_5678n, 1);
  assert.deepEqual([...bytes.subarray(24, 32)], [0x78, 0x56, 0x34, 0x12, 0x00, 0x7f, 0, 0]);
  assert.deepEqual([...bytes.subarray(36, 40)], [0, 0x10, 0, 0]);
});

test('a controller says whether it has virtualization management', () => {
  const data = new Uint8Array(4096);
  data.set([0x07, 0x01], 78);
  data.set([0x08], 256);
  assert.deepEqual(decodeController(data), { controllerId: 0x107, virtualizationManagement: false });
  data.set([0x88], 256);
  assert.equal(decodeController(data).virtualizationManagement, true);
});

test('what there is to share out', () => {
  const data = new Uint8Array(4096);
  data.set([1, 0, 0, 0, 0x01], 0);
  // Queues: 8 in all, 3 assigned, 2 with the primary, 9 private, 4 at most, in steps of 2.
  data.set([8, 0, 0, 0, 3, 0, 0, 0, 2, 0, 9, 0, 4, 0, 2, 0], 32);
  data.set([0x00, 0x01, 0, 0], 64);
  assert.deepEqual(decodePrimaryCapabilities(data), {
    controllerId: 1,
    queues: { flexible: true, total: 8, assigned: 3, primary: 2, mostPerSecondary: 4, granularity: 2 },
    interrupts: { flexible: false, total: 256, assigned: 0, primary: 0, mostPerSecondary: 0, granularity: 0 },
  });
});

test('the list of secondary controllers, no longer than an answer can hold', () => {
  const data = new Uint8Array(4096);
  data[0] = 2;
  data.set([0x05, 0, 0x01, 0, 0x01, 0, 0, 0, 1, 0, 3, 0, 2, 0], 32);
  data.set([0x06, 0, 0x01, 0, 0x00, 0, 0, 0, 2, 0, 0, 0, 0, 0], 64);
  assert.deepEqual(decodeSecondaryControllers(data), [
    { controllerId: 5, online: true, virtualFunction: 1, queues: 3, interrupts: 2 },
    { controllerId: 6, online: false, virtualFunction: 2, queues: 0, interrupts: 0 },
  ]);
  data[0] = 255;
  assert.equal(decodeSecondaryControllers(data).length, 127);
  assert.throws(() => decodeSecondaryControllers(new Uint8Array(32)), RangeError);
});

test('a status has a meaning where one is known, and its number always', () => {
  assert.equal(nvmeStatusText(0x120), 'the secondary controller is not in a state for that (status 0x120)');
  assert.equal(nvmeStatusText(0x7ff), 'status 0x7ff');
});

test('a node that is no controller is told as such', () => {
  assert.throws(() => sendNvmeAdmin('/dev/no-such-controller', [identifyController()], 100), { code: 'ENOENT' });
  assert.throws(() => sendNvmeAdmin('/dev/null', [identifyController()], 100), { code: 'ENOTTY' });
});
