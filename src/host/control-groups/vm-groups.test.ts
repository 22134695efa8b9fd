import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MemoryTree } from '../tree/memory-tree.ts';
import { VmGroups } from './vm-groups.ts';

const limits = { processors: 7, memoryBytes: 2 ** 30, tasks: 67 };
const unused = (): never => assert.fail('no program is run');

test('a host without control groups is told once, and VMs start all the same', async () => {
  const said: string[] = [];
  const groups = new VmGroups((text) => said.push(text), { tree: new MemoryTree(), run: unused });
  await groups.place('web', 12, limits);
  await groups.place('db', 13, limits);
  assert.equal(said.length, 1);
  assert.match(said[0] ?? '', /^VM processes have no control groups .* neither systemd nor .* mount -t cgroup2/);
  groups.ended('web', 12);
  await groups.settled();
});

test('a mount whose controllers are elsewhere is left as it is', async (t) => {
  const mount = mkdtempSync(join(tmpdir(), 'dda-groups-'));
  t.after(() => rmSync(mount, { recursive: true }));
  writeFileSync(join(mount, 'cgroup.controllers'), 'cpuset io\n');
  writeFileSync(join(mount, 'cgroup.subtree_control'), '\n');
  const said: string[] = [];
  const tree = new MemoryTree().file('/proc/self/mountinfo', `35 24 0:30 / ${mount} rw - cgroup2 none rw\n`);
  const groups = new VmGroups((text) => said.push(text), { tree, run: unused });
  await groups.place('web', 12, limits);
  assert.match(said.join('\n'), /the groups in \S+ have no limit for cpu, memory, pids\./);
  assert.deepEqual(readdirSync(mount), ['cgroup.controllers', 'cgroup.subtree_control']);
  mkdirSync(join(mount, 'dda'));
  mkdirSync(join(mount, 'dda/web-12'));
  groups.ended('web', 12);
  await groups.settled();
  assert.deepEqual(readdirSync(join(mount, 'dda')), []);
});
