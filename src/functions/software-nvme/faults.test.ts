import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AdminOpcode, IoOpcode } from './command.ts';
import { NvmeStatus } from './status.ts';
import { HeldStorage, TestDriver } from './testing/index.ts';

const read = { opcode: IoOpcode.read, namespaceId: 1 };

test('an error: so many of such commands, after so many, and the storage is not asked', () => {
  const storage = new HeldStorage(2 ** 20, false);
  const driver = new TestDriver([storage]).start();
  const fault = { kind: 'error', status: NvmeStatus.unrecoveredReadError } as const;
  driver.faults.order({ queue: 'io', opcode: IoOpcode.read, after: 1, times: 2, fault });
  assert.equal(driver.status(1, { opcode: IoOpcode.flush, namespaceId: 1 }), 0);
  const statuses = [1, 2, 3, 4].map(() => driver.status(1, read));
  assert.deepEqual(statuses, [0, 0x281, 0x281, 0]);
  assert.deepEqual(storage.log, ['flush', 'read 0+512', 'read 0+512']);
});

test('stuck: until a reset', () => {
  const driver = new TestDriver().start();
  driver.faults.order({ queue: 'io', fault: { kind: 'stuck' } });
  driver.submit(1, { ...read, commandId: 4 });
  driver.pass(3_600_000);
  assert.equal(driver.take(1).length, 0);
  driver.disable();
  driver.start();
  assert.equal(driver.status(1, read), 0);
});

test('slow: so much later, and never when a reset comes first', () => {
  const storage = new HeldStorage(2 ** 20, false);
  const driver = new TestDriver([storage]).start();
  driver.faults.order({ queue: 'io', fault: { kind: 'slow', ms: 100 }, times: 2 });
  driver.submit(1, { ...read, commandId: 1 });
  driver.pass(99);
  assert.equal(driver.take(1).length, 0);
  driver.pass(1);
  assert.equal(driver.take(1)[0]?.commandId, 1);
  driver.submit(1, { ...read, commandId: 2 });
  driver.disable();
  driver.pass(100);
  assert.equal(storage.log.length, 1);
});

test('bad completions: of another command, of another queue, of the round before', () => {
  const driver = new TestDriver().start();
  driver.faults.order({ queue: 'io', fault: { kind: 'bad-completion', wrong: 'command-id' } });
  driver.faults.order({ queue: 'io', fault: { kind: 'bad-completion', wrong: 'queue-id' } });
  driver.faults.order({ queue: 'io', fault: { kind: 'bad-completion', wrong: 'phase' } });
  assert.equal(driver.send(1, { ...read, commandId: 1 }).commandId, 1 ^ 0x5a5a);
  assert.equal(driver.send(1, { ...read, commandId: 2 }).queueId, 2);
  driver.submit(1, { ...read, commandId: 3 });
  assert.equal(driver.take(1).length, 0);
});

test('gone: all ones, and nothing happens any more', () => {
  const storage = new HeldStorage(2 ** 20);
  const driver = new TestDriver([storage]).start();
  driver.submit(1, { ...read, commandId: 1 });
  driver.faults.vanish();
  const before = driver.memory.slice();
  storage.release();
  driver.write(0x14, 0);
  driver.doorbell(1, 'submission', 1);
  assert.equal(driver.register(0x1c), 0xffff_ffff);
  assert.equal(driver.controller.read(0, 8), 0xffff_ffff_ffff_ffffn);
  assert.deepEqual(driver.memory, before);
});

test('of admin commands, too', () => {
  const driver = new TestDriver();
  driver.faults.order({ queue: 'admin', opcode: AdminOpcode.identify, fault: { kind: 'error', status: 6 } });
  driver.enable();
  assert.equal(driver.status(0, { opcode: AdminOpcode.identify, cdw10: 1 }), 6);
  assert.equal(driver.status(0, { opcode: AdminOpcode.identify, cdw10: 1 }), 0);
});
