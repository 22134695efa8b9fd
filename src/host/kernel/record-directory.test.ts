import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import type { TestContext } from 'node:test';
import type { HostError } from '../errors.ts';
import type { DismountRecord } from '../moves/record.ts';
import { RecordDirectory } from './record-directory.ts';

const record: DismountRecord = {
  function: '0000:01:00.0',
  ids: '1b36:0010',
  hostDriver: 'nvme',
  previousOverride: undefined,
  dismountedAt: '2026-01-02T03:04:05.000Z',
  borrower: { processId: 7, startTicks: 8, command: 'dda vm run' },
};

function directory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'dda-records-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

test('what is written is read again, by another process too', (t) => {
  const path = directory(t);
  new RecordDirectory(path).write(record);
  assert.deepEqual(new RecordDirectory(path).list(), new Map([[record.function, record]]));
  assert.deepEqual(new RecordDirectory(path).get(record.function), record);
  assert.equal(new RecordDirectory(path).get('0000:02:00.0'), undefined);
  const plain = { ...record, hostDriver: undefined, previousOverride: 'nvme', borrower: undefined };
  new RecordDirectory(path).write(plain);
  assert.deepEqual(new RecordDirectory(path).list(), new Map([[record.function, plain]]));
  new RecordDirectory(path).remove(record.function);
  assert.equal(new RecordDirectory(path).list().size, 0);
});

test('settings to be put back are kept apart from records', (t) => {
  const records = new RecordDirectory(directory(t));
  const note = { function: record.function, on: true };
  records.writeAutoprobe(note);
  assert.deepEqual(records.listAutoprobe(), new Map([[record.function, note]]));
  assert.deepEqual(records.getAutoprobe(record.function), note);
  assert.equal(records.list().size, 0);
  records.removeAutoprobe(record.function);
  assert.equal(records.getAutoprobe(record.function), undefined);
});

test('stuck acts are kept apart from records', (t) => {
  const records = new RecordDirectory(directory(t));
  const act = { function: record.function, processId: 3, startTicks: 4, intent: 'release it' };
  records.writeStuck(act);
  assert.deepEqual(records.listStuck(), new Map([[act.function, act]]));
  assert.equal(records.list().size, 0);
  records.removeStuck(act.function);
  assert.equal(records.listStuck().size, 0);
});

test('no directory yet: no records', (t) => {
  assert.equal(new RecordDirectory(join(directory(t), 'none')).list().size, 0);
});

for (const text of [
  '',
  '{',
  '[]',
  '{"version":2,"function":"x","ids":"","dismountedAt":""}',
  '{"version":1,"function":5}',
]) {
  test(`a record that reads ${JSON.stringify(text)} is not believed`, (t) => {
    const path = directory(t);
    const records = new RecordDirectory(path);
    records.write(record);
    writeFileSync(join(path, 'dismounted', `${record.function}.json`), text);
    assert.throws(
      () => records.list(),
      (error: HostError) =>
        error.code === 'record-unusable' && /no record that this version of dda understands/.test(error.message),
    );
  });
}

test('a half-written record of a killed process is not seen', (t) => {
  const path = directory(t);
  const records = new RecordDirectory(path);
  records.write(record);
  writeFileSync(join(path, 'dismounted', `${record.function}.json.new`), '{"ver');
  assert.deepEqual([...records.list().keys()], [record.function]);
});

const [owner, other] = [
  { processId: 10, startTicks: 100, command: 'dda mount' },
  { processId: 11, startTicks: 110, command: 'dda dismount' },
];

test('a lock is for one, until it is released', (t) => {
  const path = directory(t);
  const alive = (): boolean => true;
  const first = new RecordDirectory(path).lock('group-5', owner, alive);
  assert.equal(first.locked, true);
  assert.deepEqual(new RecordDirectory(path).lock('group-5', other, alive), { locked: false, owner });
  assert.equal(new RecordDirectory(path).lock('group-6', other, alive).locked, true);
  if (first.locked) first.release();
  assert.equal(new RecordDirectory(path).lock('group-5', other, alive).locked, true);
});

test('what dead processes hold is let go of, and nothing else', (t) => {
  const path = directory(t);
  const records = new RecordDirectory(path);
  records.releaseDead(() => false);
  records.lock('group-5', owner, () => true);
  records.lock('group-6', other, () => true);
  records.releaseDead((mark) => mark.processId !== owner.processId);
  assert.deepEqual(readdirSync(join(path, 'locks')), ['group-6.json']);
});

test('the lock of a process that is no more is taken over, and nothing of it stays', (t) => {
  const path = directory(t);
  new RecordDirectory(path).lock('group-5', owner, () => true);
  const taken = new RecordDirectory(path).lock('group-5', other, (mark) => mark.processId !== owner.processId);
  assert.equal(taken.locked, true);
  assert.deepEqual(readdirSync(join(path, 'locks')), ['group-5.json']);
  if (taken.locked) taken.release();
  assert.deepEqual(readdirSync(join(path, 'locks')), []);
});
