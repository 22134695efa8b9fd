import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AdminOpcode, IoOpcode } from './command.ts';
import { MemoryStorage } from './storage.ts';
import { HeldStorage, TestDriver } from './testing/index.ts';

const read = { opcode: IoOpcode.read, namespaceId: 1 };
const write = { opcode: IoOpcode.write, namespaceId: 1 };
const STATUS = 0x1c;

test('what a driver reads first: capabilities and version', () => {
  const driver = new TestDriver();
  assert.equal(driver.controller.read(0, 8), 0x20_3c01_03ffn, '1024 entries, contiguous, 30 s, NVM command set');
  assert.equal(driver.register(0x08), 0x0001_0400);
  assert.equal(driver.controller.read(0x08, 2), 0x0400n, 'parts of a register');
  assert.equal(driver.controller.read(0x38, 8), 0n, 'no controller memory buffer');
  assert.equal(driver.controller.read(0x1000, 4), 0n, 'doorbells read 0');
});

test('interrupt masks are kept, though MSI-X has masks of its own', () => {
  const driver = new TestDriver();
  driver.write(0x0c, 0b1011);
  driver.write(0x10, 0b0010);
  assert.deepEqual([driver.register(0x0c), driver.register(0x10)], [0b1001, 0b1001]);
});

test('enable, use, disable, enable: ready follows, queues are gone in between', () => {
  const driver = new TestDriver();
  assert.equal(driver.register(STATUS), 0);
  driver.start();
  assert.equal(driver.register(STATUS), 1);
  assert.equal(driver.status(1, { opcode: IoOpcode.flush, namespaceId: 1 }), 0);
  driver.disable();
  assert.equal(driver.register(STATUS), 0);
  driver.doorbell(1, 'submission', 3);
  driver.start();
  assert.equal(driver.status(1, { opcode: IoOpcode.flush, namespaceId: 1 }), 0);
});

test('a configuration that it can not run with is a fatal status, until it is reset', () => {
  for (const configuration of [0x0046_0081, 0x0046_0011, 0x0046_0801]) {
    const driver = new TestDriver();
    driver.enable(configuration);
    assert.equal(driver.register(STATUS), 2);
    driver.disable();
    driver.enable();
    assert.equal(driver.register(STATUS), 1);
  }
  const small = new TestDriver();
  small.write(0x24, 0);
  small.write(0x14, 0x0046_0001);
  assert.equal(small.register(STATUS), 2, 'queues of one entry');
});

test('an admin queue outside of memory is fatal when it is used', () => {
  const driver = new TestDriver();
  driver.enable();
  driver.disable();
  driver.controller.write(0x28, 8, 0xff_ffff_f000n);
  driver.write(0x14, 0x0046_0001);
  driver.doorbell(0, 'submission', 1);
  assert.equal(driver.register(STATUS), 3);
});

test('what is written is what is read, block by block, in one page and in many', () => {
  const storage = new MemoryStorage(2 ** 20);
  const driver = new TestDriver([storage]).start();
  for (const [block, blocks] of [
    [0, 1],
    [7, 8],
    [100, 9],
    [1000, 256],
    [1000, 1024],
  ] as const) {
    const pages = Math.ceil((blocks * 512) / 4096);
    const list = 0x8_0000;
    const at = Array.from({ length: pages }, (_, page) => driver.dataPage + (pages - page) * 0x2000);
    at.slice(1).forEach((gpa, index) => driver.view.setBigUint64(list + 8 * index, BigInt(gpa), true));
    const where = { prp1: at[0] ?? 0, prp2: pages > 2 ? list : (at[1] ?? 0), cdw10: block, cdw12: blocks - 1 };
    const bytes = Uint8Array.from({ length: blocks * 512 }, (_, index) => (index * 7 + block) & 0xff);
    at.forEach((gpa, page) => driver.memory.set(bytes.subarray(page * 4096, page * 4096 + 4096), gpa));
    assert.equal(driver.status(1, { ...write, ...where }), 0);
    assert.deepEqual(storage.bytes.subarray(block * 512, (block + blocks) * 512), bytes);
    at.forEach((gpa) => driver.memory.fill(0, gpa, gpa + 4096));
    assert.equal(driver.status(1, { ...read, ...where }), 0);
    at.forEach((gpa, page) => {
      const part = bytes.subarray(page * 4096, page * 4096 + 4096);
      assert.deepEqual(driver.data(part.byteLength, gpa), part);
    });
  }
});

test('completions say which command of which queue, and raise its vector once for what comes at once', () => {
  const driver = new TestDriver().start();
  driver.interrupts.length = 0;
  driver.submit(1, { ...read, commandId: 7 }, { ...read, commandId: 0xffff });
  const completions = driver.take(1);
  assert.deepEqual(
    completions.map(({ commandId, queueId, submissionHead }) => [commandId, queueId, submissionHead]),
    [
      [7, 1, 1],
      [0xffff, 1, 2],
    ],
  );
  assert.deepEqual(driver.interrupts, [1]);
});

test('a full completion queue: what is done waits, nothing more is fetched, and it goes on when there is room', () => {
  const driver = new TestDriver().start(4);
  const storage = new HeldStorage(2 ** 20);
  const busy = new TestDriver([storage]).start(4);
  busy.submit(1, { ...read, commandId: 1 }, { ...read, commandId: 2 }, { ...read, commandId: 3 });
  storage.release();
  busy.submit(1, { ...read, commandId: 4 });
  busy.submit(1, { ...read, commandId: 5 });
  assert.equal(storage.log.length, 4, 'one waits for its completion, the other has not been fetched');
  assert.deepEqual(
    busy.take(1).map(({ commandId }) => commandId),
    [1, 2, 3],
  );
  assert.deepEqual(
    busy.take(1).map(({ commandId }) => commandId),
    [4, 5],
  );
  for (let round = 0; round < 9; round += 1) assert.equal(driver.status(1, read), 0, 'phases alternate');
});

test('without bus mastering guest memory is left alone, and all goes on when it is back', () => {
  const storage = new HeldStorage(2 ** 20);
  const driver = new TestDriver([storage]).start();
  driver.submit(1, { opcode: IoOpcode.flush, namespaceId: 1, commandId: 1 });
  driver.controller.setBusMaster(false);
  const before = driver.memory.slice();
  storage.release();
  driver.doorbell(1, 'submission', driver.put(1));
  assert.deepEqual(driver.memory, before);
  driver.submit(1, { opcode: IoOpcode.flush, namespaceId: 1, commandId: 2 });
  driver.controller.setBusMaster(true);
  assert.deepEqual(
    driver.take(1).map(({ commandId }) => commandId),
    [1, 2],
  );
});

test('a reset forgets what is under way, and the next start waits until the storage is through with it', () => {
  const storage = new HeldStorage(2 ** 20);
  const driver = new TestDriver([storage]).start();
  driver.submit(1, { ...read, commandId: 1 });
  driver.disable();
  const before = driver.memory.slice();
  driver.enable();
  assert.equal(driver.register(STATUS), 0, 'not ready: an old read is under way');
  driver.memory.set(before);
  storage.release();
  assert.deepEqual(driver.memory, before, 'which reaches nobody');
  assert.equal(driver.register(STATUS), 1);
});

test('a shutdown flushes, and says when it has', () => {
  const storage = new HeldStorage(2 ** 20);
  const driver = new TestDriver([storage]).start();
  driver.write(0x14, 0x0046_4001);
  assert.equal(driver.register(STATUS), 0b0101);
  storage.release();
  assert.deepEqual([driver.register(STATUS), storage.log], [0b1001, ['flush']]);
  driver.disable();
  driver.enable();
  assert.equal(driver.register(STATUS), 1);
});

test('a function-level reset: registers as after power-on, logs stay', () => {
  const driver = new TestDriver().start();
  assert.equal(driver.status(1, read), 0);
  driver.controller.reset();
  assert.deepEqual([driver.register(0x14), driver.register(0x24), driver.register(STATUS)], [0, 0, 0]);
  driver.controller.setBusMaster(true);
  driver.start();
  driver.succeed({ opcode: AdminOpcode.getLogPage, cdw10: (127 << 16) | 2, namespaceId: 0xffff_ffff });
  assert.equal(driver.view.getBigUint64(driver.dataPage + 64, true), 1n, 'reads');
});

test('no more commands are under way than it has room for; the rest waits with the guest', () => {
  const storage = new HeldStorage(2 ** 20);
  const driver = new TestDriver([storage]);
  driver.enable();
  driver.createPair(1, 400);
  driver.submit(1, ...Array.from({ length: 399 }, (_, commandId) => ({ ...read, commandId })));
  driver.runDeferred();
  assert.equal(storage.most, 64);
  storage.release();
  driver.runDeferred();
  assert.equal(driver.take(1).length, 399);
});

test('one doorbell starts a bounded number of commands; others have their turn before the rest', () => {
  const driver = new TestDriver();
  driver.enable();
  driver.createPair(1, 400);
  driver.submit(1, ...Array.from({ length: 300 }, (_, commandId) => ({ ...read, commandId })));
  assert.equal(driver.take(1, false).length, 64);
  assert.equal(driver.deferred, 1);
  driver.runDeferred();
  assert.equal(driver.take(1).length, 236);
});
