import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AdminOpcode, IoOpcode } from './command.ts';
import { HeldStorage, TestDriver } from './testing/index.ts';

const SHADOW = 0x30_0000;
const EVENT_INDEX = 0x30_1000;
const read = { opcode: IoOpcode.read, namespaceId: 1 };
const submissionEntry = (id: number): number => 8 * id;
const completionEntry = (id: number): number => 8 * id + 4;

function shadowed(storage = new HeldStorage(2 ** 20, false), entries = 16): TestDriver {
  const driver = new TestDriver([storage]).start(entries);
  driver.succeed({ opcode: AdminOpcode.doorbellBufferConfig, prp1: SHADOW, prp2: EVENT_INDEX });
  return driver;
}

const set = (driver: TestDriver, entry: number, value: number): void =>
  driver.view.setUint32(SHADOW + entry, value, true);
const eventIndex = (driver: TestDriver, entry: number): number => driver.view.getUint32(EVENT_INDEX + entry, true);

test('a signal is enough: the tail is in memory, and so is from where on the controller wants the next one', () => {
  const driver = shadowed();
  assert.deepEqual(driver.shadowed, [1]);
  set(driver, submissionEntry(1), driver.put(1, { ...read, commandId: 1 }, { ...read, commandId: 2 }));
  assert.equal(driver.take(1).length, 0);
  driver.controller.ring(1);
  assert.equal(driver.take(1, false).length, 2);
  assert.equal(eventIndex(driver, submissionEntry(1)), 2);
});

test('queues that have been in use when shadows come keep their places', () => {
  const driver = new TestDriver().start();
  assert.equal(driver.status(1, read), 0);
  driver.succeed({ opcode: AdminOpcode.doorbellBufferConfig, prp1: SHADOW, prp2: EVENT_INDEX });
  assert.equal(driver.view.getUint32(SHADOW + submissionEntry(1), true), 1);
  assert.equal(driver.view.getUint32(SHADOW + completionEntry(1), true), 1);
  driver.controller.ring(1);
  assert.equal(driver.take(1).length, 0, 'nothing old is done again');
});

test('queues that come later are shadowed too, and those that go are not any more', () => {
  const driver = shadowed();
  driver.createPair(2, 8);
  assert.deepEqual(driver.shadowed, [1, 2]);
  driver.succeed({ opcode: AdminOpcode.deleteSubmissionQueue, cdw10: 1 });
  assert.deepEqual(driver.shadowed, [2]);
  driver.disable();
  assert.deepEqual(driver.shadowed, []);
  driver.controller.ring(2);
});

test('a completion queue is full: the guest shows in memory that it has taken entries, and is asked to tell of more', () => {
  const storage = new HeldStorage(2 ** 20);
  const driver = shadowed(storage, 4);
  set(
    driver,
    submissionEntry(1),
    driver.put(1, { ...read, commandId: 1 }, { ...read, commandId: 2 }, { ...read, commandId: 3 }),
  );
  driver.controller.ring(1);
  storage.release();
  assert.equal(driver.take(1, false).length, 3);
  set(driver, submissionEntry(1), driver.put(1, { ...read, commandId: 4 }));
  set(driver, completionEntry(1), 2);
  driver.controller.ring(1);
  assert.equal(driver.take(1, false).length, 1, 'there was room, by the shadow');
  set(driver, submissionEntry(1), driver.put(1, { ...read, commandId: 5 }, { ...read, commandId: 6 }));
  driver.controller.ring(1);
  assert.equal(driver.take(1, false).length, 1);
  assert.equal(eventIndex(driver, completionEntry(1)), 2, 'from where it wants to hear');
  driver.doorbell(1, 'completion', driver.head(1));
  assert.equal(driver.take(1, false).length, 1);
});

test('a shadow that makes no sense is an error like a doorbell that makes none', () => {
  const driver = shadowed();
  for (const value of [16, 0xffff_ffff]) {
    set(driver, submissionEntry(1), value);
    driver.controller.ring(1);
  }
  set(driver, submissionEntry(1), 0);
  driver.succeed({ opcode: AdminOpcode.getLogPage, cdw10: (31 << 16) | 1 });
  assert.equal(driver.view.getBigUint64(driver.dataPage, true), 2n);
  set(driver, submissionEntry(1), driver.put(1, { ...read, commandId: 9 }));
  driver.controller.ring(1);
  assert.equal(driver.take(1).length, 1);
});

test('the admin queue keeps its register', () => {
  const driver = shadowed();
  driver.view.setUint32(SHADOW, 31, true);
  driver.succeed({ opcode: AdminOpcode.identify, cdw10: 1 });
  assert.equal(eventIndex(driver, 0), driver.view.getUint16(0x2000 + 16 * (driver.head(0) - 1) + 8, true));
});
