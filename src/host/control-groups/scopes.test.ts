import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReadOutcome } from '../moves/ports.ts';
import { MemoryTree } from '../tree/memory-tree.ts';
import { placeInScope, type ScopeContext, scopeCall, scopeName } from './scopes.ts';

const limits = { processors: 7, memoryBytes: 2 ** 30, tasks: 67 };
const DEADLINE_MS = 5_000;
const path = '/dda.slice/dda-web-2-4711.scope';
const groupFile = '/proc/4711/cgroup';

/** A host with systemd on which process 4711 is of dda's service, and what comes of a call is `outcome`. */
function context(outcome: ReadOutcome, then: (tree: MemoryTree) => void = () => undefined): ScopeContext {
  const tree = new MemoryTree()
    .file('/proc/self/mountinfo', '35 24 0:30 / /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n')
    .file(groupFile, '0::/system.slice/dda.service\n');
  const run = (): Promise<ReadOutcome> => {
    then(tree);
    return Promise.resolve(outcome);
  };
  return { tree, run };
}

const done = { outcome: 'done', text: 'o "/org/freedesktop/systemd1/job/124"\n' } as const;
const failed = (text: string, code?: string): ReadOutcome => ({ outcome: 'failed', code, text });

async function obstacle(given: ScopeContext, deadlineMs = DEADLINE_MS): Promise<string> {
  return (await placeInScope(given, 'web-2', 4711, limits, deadlineMs))?.obstacle ?? 'nothing';
}

function moved(tree: MemoryTree, limited: Readonly<Record<string, string>>): void {
  tree.file(groupFile, `0::${path}\n`);
  for (const [name, text] of Object.entries(limited)) tree.file(`/sys/fs/cgroup${path}/${name}`, text);
}

const inForce = { 'cpu.max': '140000 20000\n', 'memory.max': '1073741824\n', 'pids.max': '67\n' };

test('what systemd is asked', () => {
  assert.equal(scopeName('web-2', 4711), 'dda-web-2-4711.scope');
  assert.deepEqual(scopeCall('web-2', 4711, limits).slice(5), [
    'StartTransientUnit',
    'ssa(sv)a(sa(sv))',
    'dda-web-2-4711.scope',
    'fail',
    '8',
    ...['Slice', 's', 'dda.slice'],
    ...['Description', 's', 'VM web-2 of dda'],
    ...['CollectMode', 's', 'inactive-or-failed'],
    ...['PIDs', 'au', '1', '4711'],
    ...['CPUQuotaPerSecUSec', 't', '7000000'],
    ...['CPUQuotaPeriodUSec', 't', '20000'],
    ...['MemoryMax', 't', '1073741824'],
    ...['TasksMax', 't', '67'],
    '0',
  ]);
});

test('it is done when the process is there, not when systemd has heard of it', async () => {
  let placed = false;
  const given = context(done, (tree) => {
    setTimeout(() => {
      placed = true;
      moved(tree, inForce);
    }, 50);
  });
  assert.equal(await obstacle(given), 'nothing');
  assert.ok(placed);
});

test('with version 1 the limits are elsewhere', async () => {
  const text = `4:memory:${path}\n1:name=systemd:${path}\n0::${path}\n`;
  assert.equal(await obstacle(context(done, (tree) => void tree.file(groupFile, text))), 'nothing');
});

test('limits that systemd could not set are missed', async () => {
  const some = context(done, (tree) => moved(tree, { 'cpu.max': 'max 20000\n', 'memory.max': '1073741824\n' }));
  assert.equal(await obstacle(some), 'the groups in dda.slice have no limit for cpu, pids.');
});

test('what systemd, the bus and busctl refuse', async () => {
  assert.match(await obstacle(context(failed('Access denied'))), /^systemd refused: Access denied\.$/);
  assert.match(
    await obstacle(context(failed('Unit dda-web-2-4711.scope already exists.'))),
    /^systemd refused: Unit dda-web-2-4711\.scope already exists\.$/,
  );
  assert.match(
    await obstacle(context(failed('No such file or directory', 'ENOENT'))),
    /message bus, and there is none/,
  );
  assert.match(await obstacle(context(failed('Connection refused'))), /message bus, and there is none/);
  assert.match(await obstacle(context(failed('spawn busctl ENOENT'))), /busctl, which isn't there/);
});

test('a systemd that does nothing is not waited for without an end', async () => {
  assert.equal(await obstacle(context(done), 30), 'systemd has not done so within 0.03 s.');
  const silent = context(failed('not finished after 5 s', 'ETIMEDOUT'));
  assert.equal(await obstacle(silent), 'systemd has not done so within 5 s.');
  const stuck = context({ outcome: 'stuck', processId: 5000, afterMs: 5250 });
  assert.equal(await obstacle(stuck), 'systemd has not done so within 5 s.');
});

test('of a process that has ended nothing is said', async () => {
  const ended = context(failed('Process with ID 4711 does not exist.'), (tree) => void tree.remove(groupFile));
  assert.equal(await obstacle(ended), 'nothing');
  const soon = context(done, (tree) => void setTimeout(() => tree.remove(groupFile), 20));
  assert.equal(await obstacle(soon), 'nothing');
});
