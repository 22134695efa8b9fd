import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryTree } from '../tree/memory-tree.ts';
import { limitFiles } from './group-limits.ts';
import { groupMount, groupPlace, groupsOf, visibleObstacle } from './group-place.ts';

const sysfs = '24 30 0:22 / /sys rw,nosuid shared:7 - sysfs sysfs rw';
const unified = '35 24 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec shared:9 - cgroup2 cgroup2 rw,nsdelegate';
const readOnly = '35 24 0:30 / /sys/fs/cgroup ro,nosuid,nodev,noexec - cgroup2 cgroup rw,nsdelegate';
const version1 = '36 24 0:31 / /sys/fs/cgroup/memory rw,nosuid shared:10 - cgroup cgroup rw,memory';
const hybrid = '37 24 0:32 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw';
const elsewhere = '38 30 0:30 / /mnt/control\\040groups rw master:3 propagate_from:2 - cgroup2 none rw';

const host = (...mounts: string[]): MemoryTree =>
  new MemoryTree().file('/proc/self/mountinfo', `${[sysfs, ...mounts].join('\n')}\n`);

/** A host without systemd whose first group is at the mount; one in a container has a type. */
function withGroups(files: Readonly<Record<string, string>>, mount = unified): MemoryTree {
  const tree = host(mount);
  for (const [name, text] of Object.entries(files)) tree.file(`/sys/fs/cgroup/${name}`, text);
  return tree;
}

const all = 'cpuset cpu io memory hugetlb pids rdma misc\n';

test('where cgroup2 is mounted', () => {
  assert.deepEqual(groupMount([sysfs, unified].join('\n')), { path: '/sys/fs/cgroup', readOnly: false });
  assert.deepEqual(groupMount(elsewhere), { path: '/mnt/control groups', readOnly: false });
  assert.deepEqual(groupMount(readOnly), { path: '/sys/fs/cgroup', readOnly: true });
  assert.deepEqual(groupMount([readOnly, elsewhere].join('\n'))?.path, '/mnt/control groups');
  assert.equal(groupMount([sysfs, version1].join('\n')), undefined);
  assert.equal(groupMount(''), undefined);
});

test('who makes groups', () => {
  assert.deepEqual(groupPlace(host(unified)), { kind: 'own', mount: '/sys/fs/cgroup' });
  assert.deepEqual(groupPlace(host(unified).directory('/run/systemd/system')), { kind: 'systemd' });
  assert.deepEqual(groupPlace(host(version1, hybrid)), { kind: 'own', mount: '/sys/fs/cgroup/unified' });
  assert.deepEqual(groupPlace(host(version1)), { kind: 'none' });
});

test('the groups of a process', () => {
  assert.deepEqual(groupsOf('0::/dda/web-12\n'), [{ isVersion2: true, path: '/dda/web-12' }]);
  assert.deepEqual(groupsOf('4:cpu,cpuacct:/a:b\n1:name=systemd:/init.scope\n0::/init.scope\n'), [
    { isVersion2: false, path: '/a:b' },
    { isVersion2: false, path: '/init.scope' },
    { isVersion2: true, path: '/init.scope' },
  ]);
  assert.deepEqual(groupsOf(''), []);
});

test('what is written to a group', () => {
  assert.deepEqual(
    limitFiles({ processors: 7, memoryBytes: 2 ** 40, tasks: 67 }).map(({ name, text }) => `${name}: ${text}`),
    ['cpu.max: 140000 20000', 'memory.max: 1099511627776', 'pids.max: 67'],
  );
});

test('nothing stands in the way', () => {
  const first = { 'cgroup.controllers': all, 'cgroup.subtree_control': '\n', 'cgroup.procs': '1\n2\n' };
  assert.equal(visibleObstacle(withGroups(first)), undefined);
  const container = { ...first, 'cgroup.type': 'domain\n' };
  assert.equal(visibleObstacle(withGroups({ ...container, 'cgroup.procs': '' })), undefined);
  assert.equal(visibleObstacle(withGroups({ ...container, 'cgroup.subtree_control': 'cpu memory pids\n' })), undefined);
  const bus = host(unified).directory('/run/systemd/system').file('/run/dbus/system_bus_socket', '');
  assert.equal(visibleObstacle(bus), undefined);
});

test('what can be seen to stand in the way', () => {
  const seen = (tree: MemoryTree): string => visibleObstacle(tree)?.obstacle ?? 'nothing';
  assert.match(seen(host()), /^there is neither systemd nor a mounted cgroup2 file system\.$/);
  assert.match(seen(host(unified).directory('/run/systemd/system')), /message bus, and there is none/);
  assert.match(seen(withGroups({ 'cgroup.controllers': all }, readOnly)), /can only be read/);
  assert.match(seen(withGroups({ 'cgroup.controllers': 'cpuset pids\n' })), /have no limit for cpu, memory\./);
  const inUse = { 'cgroup.controllers': all, 'cgroup.subtree_control': '', 'cgroup.procs': '1\n' };
  assert.match(seen(withGroups({ ...inUse, 'cgroup.type': 'domain' })), /can't be divided, as in a container/);
});
