import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExitReason, exitReasonName, SyncRegs } from './exit-reason.ts';
import { KvmRunPage } from './run-page.ts';

function pageWith(bytes: Record<number, readonly number[]>): { page: KvmRunPage; bytes: Uint8Array } {
  const buffer = new SharedArrayBuffer(12288, { maxByteLength: 12288 });
  const all = new Uint8Array(buffer, 0, 12288);
  for (const [offset, values] of Object.entries(bytes)) all.set(values, Number(offset));
  return { page: new KvmRunPage(buffer), bytes: all };
}

test('an OUT of two words', () => {
  const { page } = pageWith({ 8: [2], 32: [1, 2, 0xf8, 0x03, 2], 40: [0, 0x10], 4096: [0x34, 0x12, 0x78, 0x56] });
  assert.equal(page.exitReason, ExitReason.io);
  assert.deepEqual([page.ioIsWrite, page.ioSizeBytes, page.ioPort, page.ioCount], [true, 2, 0x3f8, 2]);
  assert.deepEqual([page.ioValue(), page.ioValue(1)], [0x1234, 0x5678]);
});

test('an IN is answered in the size it was asked', () => {
  const { page, bytes } = pageWith({ 8: [2], 32: [0, 1, 0x64, 0, 1], 40: [0, 0x10], 4096: [0xee, 0xee] });
  page.setIoValue(0x123);
  assert.deepEqual([...bytes.subarray(4096, 4098)], [0x23, 0xee]);
  bytes[33] = 4;
  page.setIoValue(0xffff_fffe);
  assert.deepEqual([...bytes.subarray(4096, 4100)], [0xfe, 0xff, 0xff, 0xff]);
});

test('an MMIO write shows no more than its size', () => {
  const { page, bytes } = pageWith({
    8: [6],
    32: [0, 0, 0, 0xfe, 3],
    40: [1, 2, 3, 4, 5, 6, 7, 8],
    48: [2, 0, 0, 0, 1],
  });
  assert.deepEqual([page.mmioGpa, page.mmioSizeBytes, page.mmioIsWrite], [0x3_fe00_0000, 2, true]);
  assert.deepEqual([page.mmioValue, page.mmioValue64], [0x0201, 0x0201n]);
  bytes[48] = 8;
  assert.equal(page.mmioValue64, 0x0807_0605_0403_0201n);
  page.mmioValue64 = -1n;
  assert.deepEqual([...bytes.subarray(40, 48)], Array(8).fill(0xff));
});

test('an MSR access is answered or refused', () => {
  const { page, bytes } = pageWith({ 8: [29], 40: [4], 44: [0x73, 0, 0, 0x40], 48: [0xaa] });
  assert.deepEqual([page.msrReason, page.msrIndex, page.msrData], [4, 0x4000_0073, 0xaan]);
  page.msrData = 0x8877_6655_4433_2211n;
  assert.deepEqual([...bytes.subarray(48, 56)], [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88]);
  page.msrFault = true;
  assert.equal(bytes[32], 1);
});

test('exit requests and synced registers', () => {
  const { page, bytes } = pageWith({ [304 + 16]: [0x5c], [304 + 128]: [1, 0x10] });
  page.requestExit();
  assert.deepEqual([bytes[1], page.exitRequested], [1, true]);
  page.clearExitRequest();
  assert.deepEqual([bytes[1], page.exitRequested], [0, false]);
  page.syncOnExit = SyncRegs.regs | SyncRegs.sregs;
  page.loadOnEntry = SyncRegs.regs;
  assert.deepEqual([bytes[288], bytes[296]], [3, 1]);
  assert.deepEqual([page.reg('rcx'), page.reg('rip')], [0x5cn, 0x1001n]);
  page.setReg('rax', 2n ** 64n + 5n);
  assert.deepEqual([...bytes.subarray(304, 312)], [5, 0, 0, 0, 0, 0, 0, 0]);
});

test('an internal error brings at most sixteen words', () => {
  const { page } = pageWith({ 8: [17], 32: [1], 36: [0xff, 0xff, 0xff, 0xff], 40: [9] });
  assert.equal(page.internalSubError, 1);
  assert.equal(page.internalErrorData.length, 16);
  assert.equal(page.internalErrorData[0], 9n);
  assert.deepEqual([exitReasonName(17), exitReasonName(26)], ['internalError', 'exit reason 26']);
});
