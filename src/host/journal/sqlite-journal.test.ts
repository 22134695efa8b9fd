import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import type { TestContext } from 'node:test';
import { HostError } from '../errors.ts';
import type { FunctionState, Owner } from '../ownership/owner.ts';
import type { JournalledVm } from './journal.ts';
import { SqliteJournal } from './sqlite-journal.ts';

const by = { userId: 0, processId: 7, command: 'dda' };
const fn: FunctionState = {
  name: '0000:01:00.0',
  ids: '1b36:0010',
  group: '5',
  physicalFunction: undefined,
  resettable: 'yes',
  present: true,
  owner: { kind: 'pool', pool: 'default' },
};
const vm: JournalledVm = {
  state: { name: 'web', phase: 'running', untilMs: undefined },
  spec: { memoryBytes: 1 },
  process: { processId: 5, startTicks: 99 },
  createdAt: '2026-01-02T03:04:05.000Z',
  lendings: 3,
};

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'dda-journal-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'state', 'state.db');
}

function journal(t: TestContext, path: string, auditEntries?: number): SqliteJournal {
  const opened = new SqliteJournal(path, auditEntries === undefined ? {} : { auditEntries });
  t.after(() => opened.close());
  return opened;
}

function refusal(act: () => unknown): HostError {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof HostError, String(error));
    return error;
  }
  assert.fail('it was not refused');
}

const owners: readonly Owner[] = [
  { kind: 'host' },
  { kind: 'dismounting', pool: 'p', from: 'host', force: true },
  { kind: 'pool', pool: 'p' },
  { kind: 'mounting', pool: 'p' },
  {
    kind: 'reshaping',
    virtualFunctions: 4,
    settings: [
      { mac: '02:00:00:00:00:01', trust: true },
      { queues: 3, interrupts: 2 },
    ],
    drivenBy: 'nobody',
  },
  { kind: 'lending', vm: 'web', pool: 'p', untilMs: 17 },
  { kind: 'lent', vm: 'web', pool: 'p' },
  { kind: 'returning', vm: 'web', pool: 'p', to: 'host', phase: 'asking', untilMs: 5, heard: false },
  { kind: 'returning', vm: 'web', pool: 'p', to: 'pool', phase: 'ending', untilMs: undefined, heard: true },
  { kind: 'verifying', vm: undefined, pool: 'p', to: 'host', reset: true },
  { kind: 'quarantine', pool: 'p', reason: 'held', vm: 'web' },
];

test('what was written is read again, with every kind of owner', (t) => {
  const path = place(t);
  const first = journal(t, path);
  const functions = owners.map((owner, index) => ({ ...fn, name: `0000:01:00.${index}`, owner }));
  first.write({ functions: new Map(functions.map((each) => [each.name, each])), vms: new Map([['web', vm]]) });
  first.addPool('fast');
  first.close();
  const again = journal(t, path).load();
  assert.deepEqual(new Set(again.functions), new Set(functions));
  assert.deepEqual(again.vms, [vm]);
  assert.deepEqual(again.pools, ['fast']);
});

test('what is no more is gone', (t) => {
  const path = place(t);
  const first = journal(t, path);
  first.write({ functions: new Map([[fn.name, fn]]), vms: new Map([['web', vm]]) });
  first.write({ functions: new Map([[fn.name, undefined]]), vms: new Map([['web', undefined]]) });
  first.addPool('fast');
  first.removePool('fast');
  first.close();
  assert.deepEqual(journal(t, path).load(), { functions: [], vms: [], pools: [] });
});

test('a change that can not be written whole is not written at all', (t) => {
  const path = place(t);
  const first = journal(t, path);
  const circular: Record<string, unknown> = {};
  circular['itself'] = circular;
  const vms = new Map([['web', { ...vm, spec: circular }]]);
  assert.equal(refusal(() => first.write({ functions: new Map([[fn.name, fn]]), vms })).code, 'journal-unusable');
  assert.deepEqual(first.load(), { functions: [], vms: [], pools: [] });
  first.write({ functions: new Map([[fn.name, fn]]), vms: new Map() });
  assert.equal(first.load().functions.length, 1);
});

test('a second manager is refused, and told so', (t) => {
  const path = place(t);
  const first = journal(t, path);
  const error = refusal(() => new SqliteJournal(path));
  assert.equal(error.code, 'manager-running');
  assert.match(error.message, /a manager runs already/);
  first.close();
  assert.deepEqual(journal(t, path).load().functions, []);
});

test('the journal of a later dda is left alone', (t) => {
  const path = place(t);
  journal(t, path).close();
  const database = new DatabaseSync(path);
  database.exec('PRAGMA user_version = 7');
  database.close();
  const error = refusal(() => new SqliteJournal(path));
  assert.equal(error.code, 'journal-unusable');
  assert.match(error.message, /a later version of dda wrote it \(its format is 7, this dda knows 1\)/);
});

test('another program’s database is left alone', (t) => {
  const path = place(t);
  mkdirSync(join(path, '..'), { mode: 0o700 });
  const database = new DatabaseSync(path);
  database.exec('CREATE TABLE theirs (x)');
  database.close();
  assert.match(refusal(() => new SqliteJournal(path)).message, /it is a database of something else/);
  writeFileSync(path, 'no database at all, but long enough to be read as the header of one'.repeat(20));
  assert.equal(refusal(() => new SqliteJournal(path)).code, 'journal-unusable');
});

test('a state that makes no sense is not believed', (t) => {
  const path = place(t);
  journal(t, path).close();
  const database = new DatabaseSync(path);
  database.exec(`INSERT INTO functions VALUES ('x', '{"name":"x","owner":{"kind":"nobody"}}')`);
  database.close();
  assert.equal(refusal(() => journal(t, path).load()).code, 'journal-unusable');
});

test('only its owner may look at it, and it is not kept where others may write', (t) => {
  const path = place(t);
  const first = journal(t, path);
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(`${path}-wal`).mode & 0o777, 0o600);
  first.close();
  chmodSync(join(path, '..'), 0o770);
  assert.match(refusal(() => new SqliteJournal(path)).message, /others than its owner may write to/);
});

test('the audit comes in pages, latest first', (t) => {
  const first = journal(t, place(t));
  const ids = Array.from({ length: 5 }, (_, index) => {
    const { id } = first.beginAudit('2026-01-02T03:04:05.000Z', by, 'add', { index });
    return id;
  });
  first.endAudit(ids[1] ?? 0, 'refused', 'no-such-vm', 1.5);
  const latest = first.audit(2, undefined);
  assert.deepEqual(
    latest.entries.map(({ target }) => target['index']),
    [4, 3],
  );
  assert.equal(latest.entries[0]?.outcome, 'pending');
  const older = first.audit(2, latest.next);
  assert.deepEqual(
    older.entries.map(({ outcome, code, tookMs }) => [outcome, code, tookMs]),
    [
      ['pending', undefined, undefined],
      ['refused', 'no-such-vm', 1.5],
    ],
  );
  const oldest = first.audit(2, older.next);
  assert.deepEqual([oldest.entries.length, oldest.next], [1, undefined]);
  assert.deepEqual(oldest.entries[0]?.by, by);
});

test('the audit does not grow without end', (t) => {
  const first = journal(t, place(t), 50);
  for (let index = 0; index < 2_100; index += 1) first.beginAudit('', by, 'add', { index });
  const { entries } = first.audit(5_000, undefined);
  assert.ok(entries.length <= 1_050, `${entries.length} entries`);
  assert.equal(entries[0]?.target['index'], 2_099);
});
