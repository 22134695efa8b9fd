import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AdminOpcode, allNamespaces, IoOpcode } from './command.ts';
import { NvmeStatus } from './status.ts';
import { MemoryStorage } from './storage.ts';
import { HeldStorage, TestDriver } from './testing/index.ts';

const MIB = 2 ** 20;
const read = { opcode: IoOpcode.read, namespaceId: 1 };
const write = { opcode: IoOpcode.write, namespaceId: 1 };

test('blocks outside of the namespace, transfers that are too large, namespaces that are none', () => {
  const driver = new TestDriver().start();
  for (const [command, status] of [
    [{ cdw10: 2047 }, 0],
    [{ cdw10: 2048 }, NvmeStatus.lbaOutOfRange],
    [{ cdw10: 2047, cdw12: 1 }, NvmeStatus.lbaOutOfRange],
    [{ cdw10: 0xffff_ffff, cdw11: 0xffff_ffff }, NvmeStatus.lbaOutOfRange],
    [{ cdw10: 0, cdw11: 1 }, NvmeStatus.lbaOutOfRange],
    [{ cdw12: 1024 }, NvmeStatus.invalidField],
    [{ cdw12: 0xffff }, NvmeStatus.invalidField],
    [{ namespaceId: 0 }, NvmeStatus.invalidNamespaceOrFormat],
    [{ namespaceId: 2 }, NvmeStatus.invalidNamespaceOrFormat],
    [{ namespaceId: allNamespaces }, NvmeStatus.invalidNamespaceOrFormat],
  ] as const) {
    assert.equal(driver.status(1, { ...read, ...command }), status);
    assert.equal(driver.status(1, { ...write, ...command }), status);
  }
  for (const opcode of [0x04, 0x0c, 0x0d, 0x7f]) {
    assert.equal(driver.status(1, { opcode, namespaceId: 1 }), NvmeStatus.invalidOpcode);
  }
});

test('a namespace that may only be read', () => {
  const driver = new TestDriver([new MemoryStorage(MIB, true)]).start();
  assert.equal(driver.status(1, read), 0);
  for (const opcode of [IoOpcode.write, IoOpcode.writeZeroes, IoOpcode.datasetManagement]) {
    assert.equal(driver.status(1, { opcode, namespaceId: 1, cdw11: 4 }), NvmeStatus.namespaceWriteProtected);
  }
});

test('a storage that fails: read, write and flush have each their status', () => {
  const storage = new HeldStorage(MIB, false);
  storage.failure = new Error('broken');
  const driver = new TestDriver([storage]).start();
  assert.equal(driver.status(1, read), NvmeStatus.unrecoveredReadError);
  assert.equal(driver.status(1, write), NvmeStatus.writeFault);
  assert.equal(driver.status(1, { opcode: IoOpcode.writeZeroes, namespaceId: 1 }), NvmeStatus.writeFault);
  assert.equal(driver.status(1, { opcode: IoOpcode.flush, namespaceId: 1 }), NvmeStatus.internalError);
  assert.equal(driver.status(1, { opcode: IoOpcode.compare, namespaceId: 1 }), NvmeStatus.unrecoveredReadError);
});

test('flush: one namespace, all, or none of that id', () => {
  const storages = [new HeldStorage(MIB, false), new HeldStorage(MIB, false)];
  const driver = new TestDriver(storages).start();
  const flush = (namespaceId: number): number => driver.status(1, { opcode: IoOpcode.flush, namespaceId });
  assert.deepEqual([flush(2), flush(allNamespaces), flush(3), flush(0)], [0, 0, 0x0b, 0x0b]);
  assert.deepEqual(
    storages.map(({ log }) => log.length),
    [1, 2],
  );
});

test('force unit access, and a write cache that is off: a write ends with a flush', () => {
  const storage = new HeldStorage(MIB, false);
  const driver = new TestDriver([storage]).start();
  driver.status(1, write);
  driver.status(1, { ...write, cdw12: 0x4000_0000 });
  driver.succeed({ opcode: AdminOpcode.setFeatures, cdw10: 6, cdw11: 0 });
  driver.status(1, { ...write, cdw10: 8 });
  assert.deepEqual(storage.log, ['write 0+512', 'write 0+512', 'flush', 'write 4096+512', 'flush']);
});

test('write zeroes and deallocate: the blocks read zero, range after range', () => {
  const storage = new HeldStorage(MIB, false);
  const driver = new TestDriver([storage]).start();
  storage.inner.bytes.fill(0xa5);
  assert.equal(driver.status(1, { opcode: IoOpcode.writeZeroes, namespaceId: 1, cdw10: 8, cdw12: 7 }), 0);
  for (const [index, [blocks, first]] of [
    [4, 100],
    [0, 5],
    [1, 2047],
  ].entries()) {
    driver.view.setUint32(driver.dataPage + 16 * index + 4, blocks ?? 0, true);
    driver.view.setBigUint64(driver.dataPage + 16 * index + 8, BigInt(first ?? 0), true);
  }
  const manage = { opcode: IoOpcode.datasetManagement, namespaceId: 1, cdw10: 2 };
  assert.equal(driver.status(1, manage), 0);
  assert.equal(storage.log.length, 1, 'hints alone do nothing');
  assert.equal(driver.status(1, { ...manage, cdw11: 4 }), 0);
  assert.deepEqual(storage.log.slice(1), ['clear 51200+2048', 'clear 1048064+512']);
  const zeros = storage.inner.bytes.filter((byte) => byte === 0).length;
  assert.equal(zeros, (8 + 4 + 1) * 512);
  driver.view.setUint32(driver.dataPage + 4, 2048, true);
  assert.equal(driver.status(1, { ...manage, cdw11: 4 }), NvmeStatus.lbaOutOfRange);
});

test('a deallocate of 256 ranges has one operation under way at a time', () => {
  const storage = new HeldStorage(MIB);
  const driver = new TestDriver([storage]).start();
  for (let range = 0; range < 256; range += 1) driver.view.setUint32(driver.dataPage + 16 * range + 4, 1, true);
  driver.submit(1, { opcode: IoOpcode.datasetManagement, namespaceId: 1, cdw10: 0xff, cdw11: 4 });
  for (let range = 0; range < 255; range += 1) storage.releaseOne();
  assert.deepEqual([storage.most, driver.take(1).length], [1, 0]);
  storage.releaseOne();
  assert.equal(driver.take(1)[0]?.status, 0);
});

test('compare', () => {
  const storage = new MemoryStorage(MIB);
  const driver = new TestDriver([storage]).start();
  storage.bytes.fill(7, 512, 1024);
  driver.data(512).fill(7);
  const compare = { opcode: IoOpcode.compare, namespaceId: 1 };
  assert.equal(driver.status(1, { ...compare, cdw10: 1 }), 0);
  assert.equal(driver.status(1, { ...compare, cdw10: 2 }), NvmeStatus.compareFailure);
});
