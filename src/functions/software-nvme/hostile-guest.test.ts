import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AdminOpcode, IoOpcode } from './command.ts';
import { NvmeStatus } from './status.ts';
import { HeldStorage, TestDriver } from './testing/index.ts';

const MIB = 2 ** 20;
const read = { opcode: IoOpcode.read, namespaceId: 1 };
/** A list of physical region pages, and what a transfer of 128 KiB with it ends with. */
const LIST = 0x8_0000;
const largest = { ...read, cdw12: 255 };

function withList(driver: TestDriver, at: number, entries: readonly (number | bigint)[]): void {
  entries.forEach((entry, index) => driver.view.setBigUint64(at + 8 * index, BigInt(entry), true));
}

test('pages that are not where pages can be', () => {
  const driver = new TestDriver().start();
  for (const [what, command, status] of [
    ['not at a dword', { prp1: 0x10_0002 }, NvmeStatus.invalidPrpOffset],
    ['behind the end of memory', { prp1: 4 * MIB }, NvmeStatus.dataTransferError],
    ['at 2⁶⁴ − 4096', { prp1: 0xffff_ffff_ffff_f000n }, NvmeStatus.dataTransferError],
    ['a second page with an offset', { cdw12: 15, prp2: 0x10_2008 }, NvmeStatus.invalidPrpOffset],
    ['a second page behind the end', { cdw12: 15, prp2: 0xff_ffff_f000n }, NvmeStatus.dataTransferError],
    ['a list that is not at a qword', { cdw12: 255, prp2: LIST + 4 }, NvmeStatus.invalidPrpOffset],
    ['a list behind the end', { cdw12: 255, prp2: 0x7fff_ffff_ffff_f000n }, NvmeStatus.dataTransferError],
  ] as const) {
    assert.equal(driver.status(1, { ...read, ...command }), status, what);
  }
});

test('a list of pages: entries with offsets, behind the end, and one that leads on into itself', () => {
  const driver = new TestDriver().start();
  const good = Array.from({ length: 31 }, (_, index) => 0x20_0000 + index * 4096);
  withList(driver, LIST, good);
  assert.equal(driver.status(1, { ...largest, prp2: LIST }), 0);
  withList(driver, LIST, good.with(30, 0x20_0800));
  assert.equal(driver.status(1, { ...largest, prp2: LIST }), NvmeStatus.invalidPrpOffset);
  withList(driver, LIST, good.with(17, 4 * MIB));
  assert.equal(driver.status(1, { ...largest, prp2: LIST }), NvmeStatus.dataTransferError);
  // The last place of a page leads on: to the next list, which begins at its page's start.
  withList(driver, LIST, good);
  withList(driver, 0x9_0ff8, [LIST]);
  assert.equal(driver.status(1, { ...largest, prp2: 0x9_0ff8 }), 0);
  withList(driver, 0x9_0ff8, [0x9_0ff8]);
  assert.equal(driver.status(1, { ...largest, prp2: 0x9_0ff8 }), NvmeStatus.invalidPrpOffset);
});

test('doorbells of queues that are not there, outside of the ring, over what is queued: nothing happens', () => {
  const storage = new HeldStorage(MIB, false);
  const driver = new TestDriver([storage]).start(8);
  const untouched = driver.memory.slice();
  driver.doorbell(2, 'submission', 1);
  driver.doorbell(2, 'completion', 1);
  driver.doorbell(500, 'submission', 1);
  driver.doorbell(1, 'submission', 8);
  driver.doorbell(1, 'submission', 0xffff_ffff);
  driver.doorbell(1, 'completion', 3);
  driver.doorbell(1, 'completion', 8);
  assert.deepEqual(driver.memory, untouched);
  assert.deepEqual([storage.log, driver.deferred], [[], 0]);
  driver.succeed({ opcode: AdminOpcode.getLogPage, cdw10: (15 << 16) | 1 });
  assert.equal(driver.view.getBigUint64(driver.dataPage, true), 7n, 'seven errors are told of');
  assert.equal(driver.status(1, read), 0, 'and it works as before');
});

test('a tail that goes over commands that were not fetched is refused', () => {
  const driver = new TestDriver([new HeldStorage(MIB)]).start(4);
  driver.controller.setBusMaster(false);
  driver.submit(1, { ...read, commandId: 1 }, { ...read, commandId: 2 }, { ...read, commandId: 3 });
  driver.doorbell(1, 'submission', 2);
  driver.controller.setBusMaster(true);
  driver.doorbell(0, 'completion', driver.head(0));
  driver.succeed({ opcode: AdminOpcode.getLogPage, cdw10: (15 << 16) | 1 });
  assert.equal(driver.view.getBigUint64(driver.dataPage, true), 1n);
});

test('doorbells before ready, and after the controller has given up', () => {
  const driver = new TestDriver();
  driver.doorbell(0, 'submission', 1);
  driver.enable();
  driver.disable();
  driver.doorbell(0, 'submission', 1);
  assert.deepEqual(driver.interrupts, []);
});

test('registers by pieces that are none: nothing happens, nothing is thrown', () => {
  const driver = new TestDriver();
  for (const [offset, sizeBytes] of [
    [0x14, 1],
    [0x14, 2],
    [0x15, 4],
    [0x16, 8],
    [0x20, 4],
    [0xffc, 8],
    [0x1ffc, 8],
    [0x3ffc, 4],
  ] as const) {
    driver.controller.write(offset, sizeBytes, 0xffff_ffff_ffff_ffffn);
    driver.controller.read(offset, sizeBytes);
  }
  assert.equal(driver.register(0x14), 0);
});

test('two commands of one id at once', () => {
  const storage = new HeldStorage(MIB);
  const driver = new TestDriver([storage]).start();
  driver.submit(1, { ...read, commandId: 5 }, { ...read, commandId: 5 });
  assert.deepEqual(
    driver.take(1).map(({ commandId, status }) => [commandId, status]),
    [[5, NvmeStatus.commandIdConflict]],
  );
  storage.release();
  assert.deepEqual(
    driver.take(1).map(({ commandId, status }) => [commandId, status]),
    [[5, 0]],
  );
});

test('queues that lie over each other, and over their data: the controller is unharmed', () => {
  const driver = new TestDriver().start();
  const at = 0x30_0000;
  for (const id of [2, 3]) {
    const cdw10 = (63 << 16) | id;
    driver.succeed({ opcode: AdminOpcode.createCompletionQueue, prp1: at, cdw10, cdw11: 3 });
    driver.succeed({ opcode: AdminOpcode.createSubmissionQueue, prp1: at, cdw10, cdw11: (id << 16) | 1 });
  }
  for (let round = 1; round < 60; round += 1) {
    driver.doorbell(2, 'submission', round);
    driver.doorbell(3, 'submission', round);
    driver.runDeferred();
  }
  assert.equal(driver.status(1, { ...read, prp1: at }), 0);
  assert.equal(driver.register(0x1c), 1);
});

test('a queue that is filled as fast as it is emptied has no more than its turn', () => {
  const storage = new HeldStorage(MIB, false);
  const driver = new TestDriver([storage]);
  driver.enable();
  driver.createPair(1, 1024);
  driver.createPair(2, 16);
  driver.submit(1, ...Array.from({ length: 1023 }, (_, commandId) => ({ ...read, commandId })));
  driver.submit(2, { ...read, commandId: 7, cdw10: 99 });
  assert.equal(driver.take(2).length, 1, 'the other queue is served between');
  assert.ok(storage.log.length <= 2 * 64 + 1, `${storage.log.length} commands in two calls`);
});

test('shadow doorbells outside of memory, or not at pages', () => {
  const driver = new TestDriver().start();
  const configure = { opcode: AdminOpcode.doorbellBufferConfig, prp1: 0x30_0000, prp2: 0x30_1000 };
  for (const wrong of [{ prp1: 0x30_0008 }, { prp2: 0x30_1001 }, { prp1: 4 * MIB }, { prp2: 0xffff_ffff_ffff_f000n }]) {
    assert.equal(driver.status(0, { ...configure, ...wrong }), NvmeStatus.invalidField);
  }
  assert.deepEqual(driver.shadowed, []);
});
