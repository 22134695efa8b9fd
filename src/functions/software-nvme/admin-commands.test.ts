import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AdminOpcode, allNamespaces, IoOpcode } from './command.ts';
import { NvmeStatus } from './status.ts';
import { MemoryStorage } from './storage.ts';
import { HeldStorage, TestDriver } from './testing/index.ts';

const MIB = 2 ** 20;
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).trimEnd();

test('identify controller: who it is and what it can', () => {
  const driver = new TestDriver().start();
  driver.succeed({ opcode: AdminOpcode.identify, cdw10: 1 });
  const data = driver.data(4096);
  const view = new DataView(data.buffer, data.byteOffset);
  assert.deepEqual([text(data.subarray(4, 24)), text(data.subarray(24, 64))], ['SERIAL', 'dda software NVMe']);
  assert.deepEqual(
    [view.getUint32(80, true), data[111], data[77]],
    [0x0001_0400, 1, 7],
    'version, kind, largest transfer',
  );
  assert.deepEqual([data[512], data[513], view.getUint32(516, true)], [0x66, 0x44, 1], 'entry sizes, namespaces');
  assert.equal(view.getUint16(256, true), 0x102, 'format, doorbell buffers');
  assert.equal(view.getUint16(520, true), 0x1d, 'compare, dataset management, write zeroes, save and select');
  assert.equal(text(data.subarray(768, 801)), 'nqn.2014-08.org.nvmexpress:uuid:0');
});

test('identify namespace, the list of namespaces, and their descriptors', () => {
  const driver = new TestDriver([new MemoryStorage(MIB), new MemoryStorage(2 * MIB, true)]).start();
  driver.succeed({ opcode: AdminOpcode.identify, cdw10: 0, namespaceId: 2 });
  const { view } = driver;
  const at = driver.dataPage;
  assert.deepEqual([view.getBigUint64(at, true), view.getBigUint64(at + 8, true)], [4096n, 4096n]);
  assert.deepEqual([view.getUint8(at + 99), view.getUint8(at + 130)], [1, 9], 'write-protected, blocks of 512 bytes');
  driver.succeed({ opcode: AdminOpcode.identify, cdw10: 2 });
  assert.deepEqual(
    [0, 4, 8].map((offset) => view.getUint32(at + offset, true)),
    [1, 2, 0],
  );
  driver.succeed({ opcode: AdminOpcode.identify, cdw10: 2, namespaceId: 1 });
  assert.deepEqual(
    [0, 4].map((offset) => view.getUint32(at + offset, true)),
    [2, 0],
    'those after 1',
  );
  driver.succeed({ opcode: AdminOpcode.identify, cdw10: 3, namespaceId: 1 });
  assert.deepEqual([...driver.data(22)], [3, 16, 0, 0, ...new Array<number>(16).fill(1), 0, 0]);
  for (const [cdw10, namespaceId, status] of [
    [0, 0, NvmeStatus.invalidNamespaceOrFormat],
    [0, 3, NvmeStatus.invalidNamespaceOrFormat],
    [0, allNamespaces, NvmeStatus.invalidNamespaceOrFormat],
    [3, 3, NvmeStatus.invalidNamespaceOrFormat],
    [2, allNamespaces, NvmeStatus.invalidNamespaceOrFormat],
    [0x10, 0, NvmeStatus.invalidField],
  ] as const) {
    assert.equal(driver.status(0, { opcode: AdminOpcode.identify, cdw10, namespaceId }), status);
  }
});

test('I/O queues: what is refused, with which status', () => {
  const driver = new TestDriver([new MemoryStorage(MIB)], 4).start();
  const { createCompletionQueue, createSubmissionQueue, deleteCompletionQueue, deleteSubmissionQueue } = AdminOpcode;
  const sound = { prp1: 0x20_0000, cdw10: (15 << 16) | 2, cdw11: 3 };
  const refusals = [
    ['id 0', { ...sound, cdw10: 15 << 16 }, NvmeStatus.invalidQueueIdentifier],
    ['an id beyond the last', { ...sound, cdw10: (15 << 16) | 5 }, NvmeStatus.invalidQueueIdentifier],
    ['an id that is taken', { ...sound, cdw10: (15 << 16) | 1 }, NvmeStatus.invalidQueueIdentifier],
    ['one entry', { ...sound, cdw10: 2 }, NvmeStatus.invalidQueueSize],
    ['too many entries', { ...sound, cdw10: (1024 << 16) | 2 }, NvmeStatus.invalidQueueSize],
    ['in pieces', { ...sound, cdw11: 2 }, NvmeStatus.invalidField],
    ['not at a page', { ...sound, prp1: 0x20_0010 }, NvmeStatus.invalidPrpOffset],
    ['outside of memory', { ...sound, prp1: 0x40_0000 }, NvmeStatus.dataTransferError],
    ['half outside of memory', { ...sound, prp1: 0x3f_f000, cdw10: (1023 << 16) | 2 }, NvmeStatus.dataTransferError],
    ['at 2⁶³', { ...sound, prp1: 0x8000_0000_0000_0000n }, NvmeStatus.dataTransferError],
  ] as const;
  for (const [what, command, status] of refusals) {
    assert.equal(driver.status(0, { opcode: createCompletionQueue, ...command }), status, `completion, ${what}`);
    const submission = { ...command, cdw11: (1 << 16) | (command.cdw11 & 1) };
    assert.equal(driver.status(0, { opcode: createSubmissionQueue, ...submission }), status, `submission, ${what}`);
  }
  const status = (opcode: number, command: object): number => driver.status(0, { opcode, ...command });
  assert.equal(status(createCompletionQueue, { ...sound, cdw11: (5 << 16) | 3 }), NvmeStatus.invalidInterruptVector);
  assert.equal(status(createSubmissionQueue, { ...sound, cdw11: (2 << 16) | 1 }), NvmeStatus.completionQueueInvalid);
  assert.equal(status(createSubmissionQueue, { ...sound, cdw11: 1 }), NvmeStatus.invalidQueueIdentifier);
  assert.equal(status(deleteCompletionQueue, { cdw10: 1 }), NvmeStatus.invalidQueueDeletion);
  assert.equal(status(deleteCompletionQueue, { cdw10: 0 }), NvmeStatus.invalidQueueIdentifier);
  assert.equal(status(deleteSubmissionQueue, { cdw10: 3 }), NvmeStatus.invalidQueueIdentifier);
  assert.equal(status(deleteSubmissionQueue, { cdw10: 1 }), 0);
  assert.equal(status(deleteCompletionQueue, { cdw10: 1 }), 0);
  driver.createPair(1, 8);
  assert.equal(driver.status(1, { opcode: IoOpcode.read, namespaceId: 1 }), 0, 'and it can be made anew');
});

test('queues with other entry sizes than 64 and 16 bytes are refused', () => {
  const driver = new TestDriver();
  driver.enable(0x0057_0001);
  const command = { opcode: AdminOpcode.createCompletionQueue, prp1: 0x20_0000, cdw10: (15 << 16) | 1, cdw11: 3 };
  assert.equal(driver.status(0, command), NvmeStatus.invalidQueueSize);
});

test('a queue that is deleted is drained first; what can be taken back is', () => {
  const storage = new HeldStorage(MIB);
  const driver = new TestDriver([storage]).start();
  driver.faults.order({ queue: 'io', fault: { kind: 'stuck' } });
  const read = { opcode: IoOpcode.read, namespaceId: 1 };
  driver.submit(1, { ...read, commandId: 1 }, { ...read, commandId: 2 });
  driver.submit(0, { opcode: AdminOpcode.deleteSubmissionQueue, cdw10: 1 });
  assert.equal(driver.take(0).length, 0, 'one command is at the storage');
  driver.submit(1, { ...read, commandId: 3 });
  storage.release();
  assert.equal(driver.take(0)[0]?.status, 0);
  assert.deepEqual(
    driver.take(1).map(({ commandId, status }) => [commandId, status]),
    [
      [1, NvmeStatus.abortedByQueueDeletion],
      [2, 0],
    ],
  );
  assert.deepEqual(storage.log, ['read 0+512'], 'nothing was fetched any more');
});

test('abort: what is stuck or waits for its time is taken back, what is at the storage is not', () => {
  const storage = new HeldStorage(MIB);
  const driver = new TestDriver([storage]).start();
  driver.faults.order({ queue: 'io', fault: { kind: 'slow', ms: 500 } });
  const read = { opcode: IoOpcode.read, namespaceId: 1 };
  driver.submit(1, { ...read, commandId: 1 }, { ...read, commandId: 2 });
  const abort = (commandId: number): number =>
    driver.succeed({ opcode: AdminOpcode.abort, cdw10: (commandId << 16) | 1 });
  assert.deepEqual([abort(1), abort(2), abort(3)], [0, 1, 1]);
  driver.pass(1000);
  storage.release();
  assert.deepEqual(
    driver.take(1).map(({ commandId, status }) => [commandId, status]),
    [
      [1, NvmeStatus.abortRequested],
      [2, 0],
    ],
  );
});

test('features: defaults, changes, what they are back to after a reset', () => {
  const driver = new TestDriver([new MemoryStorage(MIB)], 4);
  driver.enable();
  const get = (cdw10: number, cdw11 = 0): number => driver.succeed({ opcode: AdminOpcode.getFeatures, cdw10, cdw11 });
  const set = (cdw10: number, cdw11: number, namespaceId = 0): number =>
    driver.status(0, { opcode: AdminOpcode.setFeatures, cdw10, cdw11, namespaceId });
  assert.equal(get(7), 0x0003_0003, 'four queues of each kind');
  assert.equal(driver.succeed({ opcode: AdminOpcode.setFeatures, cdw10: 7, cdw11: 0x0001_0001 }), 0x0001_0001);
  assert.equal(driver.succeed({ opcode: AdminOpcode.setFeatures, cdw10: 7, cdw11: 0x00ff_00ff }), 0x0003_0003);
  assert.equal(set(7, 0xffff), NvmeStatus.invalidField);
  driver.createPair(1, 8);
  assert.equal(set(7, 0), NvmeStatus.commandSequenceError);
  for (const [id, value] of [
    [1, 0x0102_0305],
    [5, 100],
    [6, 0],
    [8, 0x0102],
    [0x0a, 1],
    [0x0b, 0x1f],
  ] as const) {
    assert.equal(set(id, value), 0);
    assert.equal(get(id), value);
  }
  assert.deepEqual([get(6), get(6 | 0x100), get(6 | 0x200), get(6 | 0x300)], [0, 1, 1, 4], 'now, default, saved, can');
  assert.deepEqual([set(9, 0x1_0002), get(9, 2), get(9, 1)], [0, 0x1_0002, 1]);
  assert.deepEqual([get(4), get(4, 1 << 20), set(4, 350), get(4)], [0xffff, 0, 0, 350]);
  assert.equal(get(4 | 0x100), 0xffff);
  assert.equal(set(6, 0, 1), NvmeStatus.featureNotNamespaceSpecific);
  assert.equal(set(0x8000_0006, 1), NvmeStatus.featureNotSaveable);
  for (const [id, value] of [
    [2, 1],
    [6, 2],
    [5, 0x1_0000],
    [4, 0x3_0000],
    [9, 5],
    [0x55, 0],
  ] as const) {
    assert.equal(set(id, value), NvmeStatus.invalidField, `feature ${id}`);
  }
  driver.disable();
  driver.enable();
  assert.deepEqual([get(1), get(6), get(4), get(9, 2)], [0, 1, 0xffff, 2]);
});

test('log pages: errors, health, firmware, commands; parts of them; and what is none', () => {
  const driver = new TestDriver().start();
  const log = (id: number, bytes: number, offset = 0): number =>
    driver.status(0, {
      opcode: AdminOpcode.getLogPage,
      namespaceId: allNamespaces,
      cdw10: ((bytes / 4 - 1) << 16) | id,
      cdw12: offset,
    });
  const { view, dataPage: at } = driver;
  assert.equal(driver.status(1, { opcode: IoOpcode.read, namespaceId: 1, commandId: 9, cdw10: 0x1234_5678 }), 0x80);
  assert.equal(log(1, 128), 0);
  assert.deepEqual(
    [view.getBigUint64(at, true), view.getUint16(at + 8, true), view.getUint16(at + 10, true)],
    [1n, 1, 9],
    'error 1: queue 1, command 9',
  );
  assert.deepEqual([view.getUint16(at + 12, true), view.getBigUint64(at + 16, true)], [0x80 << 1, 0x1234_5678n]);
  assert.equal(view.getBigUint64(at + 64, true), 0n);
  assert.equal(driver.status(1, { opcode: IoOpcode.write, namespaceId: 1, cdw12: 7 }), 0);
  assert.equal(log(2, 512), 0);
  assert.deepEqual(
    [
      view.getUint8(at),
      view.getUint16(at + 1, true),
      view.getBigUint64(at + 48, true),
      view.getBigUint64(at + 80, true),
    ],
    [0, 300, 1n, 1n],
  );
  assert.equal(view.getBigUint64(at + 176, true), 1n, 'errors');
  assert.equal(log(3, 64), 0);
  assert.deepEqual([view.getUint8(at), text(driver.data(8, at + 8))], [1, '1']);
  assert.equal(log(5, 4096), 0);
  assert.deepEqual(
    [view.getUint32(at + 4 * 6, true), view.getUint32(at + 1024 + 4, true), view.getUint32(at + 1024 + 16, true)],
    [1, 3, 0],
  );
  assert.equal(log(5, 8, 1024), 0);
  assert.equal(view.getUint32(at + 4, true), 3, 'from the middle on');
  assert.equal(log(3, 1024), 0, 'longer than it is: zeros');
  assert.equal(log(0x55, 4), NvmeStatus.invalidLogPage);
  assert.equal(log(2, 4, 2), NvmeStatus.invalidField);
  assert.equal(log(2, 4, 1024), NvmeStatus.invalidField);
  const tooLong = { opcode: AdminOpcode.getLogPage, cdw10: 1, cdw11: 2 };
  assert.equal(driver.status(0, tooLong), NvmeStatus.invalidField);
  const ofNamespace = { opcode: AdminOpcode.getLogPage, namespaceId: 1, cdw10: 2 };
  assert.equal(driver.status(0, ofNamespace), NvmeStatus.invalidField);
});

test('asynchronous events: each once, none of a type before its log page is read, at most four requests', () => {
  const driver = new TestDriver().start();
  const request = (commandId: number): void => driver.submit(0, { opcode: AdminOpcode.asyncEventRequest, commandId });
  for (const id of [1, 2, 3, 4, 5]) request(id);
  const [tooMany] = driver.take(0);
  assert.deepEqual([tooMany?.commandId, tooMany?.status], [5, NvmeStatus.eventRequestLimitExceeded]);
  driver.doorbell(3, 'submission', 1);
  driver.doorbell(1, 'submission', 77);
  const [event, ...others] = driver.take(0);
  assert.deepEqual([event?.commandId, event?.status, event?.result, others.length], [1, 0, 0x01_0000, 0]);
  const readLog = { opcode: AdminOpcode.getLogPage, cdw10: (3 << 16) | 1, commandId: 50 };
  driver.submit(0, { ...readLog, cdw10: readLog.cdw10 | 0x8000 });
  assert.deepEqual(
    driver.take(0).map(({ commandId }) => commandId),
    [50],
    'the event is kept',
  );
  driver.submit(0, readLog);
  assert.deepEqual(
    driver.take(0).map(({ commandId, result }) => [commandId, result]),
    [
      [2, 0x01_0100],
      [50, 0],
    ],
  );
  driver.submit(0, { opcode: AdminOpcode.abort, cdw10: 3 << 16, commandId: 60 });
  assert.deepEqual(
    driver.take(0).map(({ commandId, status, result }) => [commandId, status, result]),
    [
      [3, NvmeStatus.abortRequested, 0],
      [60, 0, 0],
    ],
  );
});

test('a temperature threshold below what it says of itself: a warning, and an event for who wants it', () => {
  const driver = new TestDriver().start();
  driver.succeed({ opcode: AdminOpcode.setFeatures, cdw10: 0x0b, cdw11: 2 });
  driver.submit(0, { opcode: AdminOpcode.asyncEventRequest, commandId: 8 });
  driver.submit(0, { opcode: AdminOpcode.setFeatures, cdw10: 4, cdw11: 290, commandId: 9 });
  assert.deepEqual(
    driver.take(0).map(({ commandId, result }) => [commandId, result]),
    [
      [9, 0],
      [8, 0x02_0101],
    ],
  );
  driver.succeed({ opcode: AdminOpcode.getLogPage, cdw10: 2 });
  assert.equal(driver.view.getUint8(driver.dataPage), 2);
});

test('format: the namespace reads zero afterwards, and takes no commands meanwhile', () => {
  const storage = new HeldStorage(MIB);
  const driver = new TestDriver([storage, new MemoryStorage(MIB, true)]).start();
  storage.inner.bytes.fill(0xa5);
  const format = { opcode: AdminOpcode.formatNvm, namespaceId: 1, cdw10: 1 << 9 };
  driver.submit(0, { ...format, commandId: 3 });
  assert.equal(driver.status(1, { opcode: IoOpcode.read, namespaceId: 1 }), NvmeStatus.formatInProgress);
  storage.release();
  assert.deepEqual(
    driver.take(0).map(({ commandId, status }) => [commandId, status]),
    [[3, 0]],
  );
  assert.ok(storage.inner.bytes.every((byte) => byte === 0));
  assert.equal(driver.status(1, { opcode: IoOpcode.read, namespaceId: 1 }), 0);
  for (const [command, status] of [
    [{ cdw10: 1 }, NvmeStatus.invalidFormat],
    [{ cdw10: 1 << 5 }, NvmeStatus.invalidFormat],
    [{ cdw10: 2 << 9 }, NvmeStatus.invalidField],
    [{ namespaceId: 9 }, NvmeStatus.invalidNamespaceOrFormat],
    [{ namespaceId: 2 }, NvmeStatus.namespaceWriteProtected],
    [{ namespaceId: allNamespaces }, NvmeStatus.namespaceWriteProtected],
  ] as const) {
    assert.equal(driver.status(0, { ...format, ...command }), status);
  }
});

test('what no controller of this kind has', () => {
  const driver = new TestDriver().start();
  for (const opcode of [0x0d, 0x10, 0x11, 0x14, 0x18, 0x84, 0xc0]) {
    assert.equal(driver.status(0, { opcode }), NvmeStatus.invalidOpcode);
  }
  assert.equal(driver.status(0, { opcode: AdminOpcode.identify, cdw10: 1, flags: 0x40 }), NvmeStatus.invalidField);
  assert.equal(driver.status(0, { opcode: AdminOpcode.identify, cdw10: 1, flags: 1 }), NvmeStatus.invalidField);
});
