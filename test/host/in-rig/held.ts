import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { test } from 'node:test';
import { DirectoryTree, type Host, HostError, dismount, mount, openHost } from '../../../src/host/index.ts';
import { dda, driverOf, end, first, groupOf, programBeside, second, startHolder, until } from './rig-functions.ts';

const host = openHost('dda test');

/** Sees no processes, so it finds no holder: as somebody who looked just before the function was opened. */
class BlindTree extends DirectoryTree {
  override list(path: string): readonly string[] {
    return path === '/proc' ? [] : super.list(path);
  }
}

const blind: Host = { ...host, tree: new BlindTree() };

function hold(bdf: string): Promise<ChildProcess> {
  return startHolder(process.execPath, programBeside('hold-function'), bdf);
}

test('a function that a process holds is not taken from it: the process is named, at once', async () => {
  await dismount(host, [first]);
  const holder = await hold(first);
  const result = await dda('mount', first);
  assert.deepEqual([result.exitCode, result.output], [4, '']);
  assert.match(
    result.notices,
    new RegExp(`\\[function-held\\]: .*process ${holder.pid} \\(node\\) holds ${first} open`),
  );
  assert.match((await dda('survey', first)).output, /holds it through \/dev\/vfio\/\d+\. \[held\]/);
  assert.equal(driverOf(first), 'vfio-pci');

  await assert.rejects(mount(blind, [first]), (error: HostError) => {
    assert.equal(error.code, 'function-held');
    assert.match(error.obstacle, new RegExp(`a process has /dev/vfio/${groupOf(first)} open`));
    return true;
  });
  assert.equal(driverOf(first), 'vfio-pci');

  await end(holder, 'SIGKILL');
  const home = await dda('mount', first);
  assert.equal(home.exitCode, 0, home.notices);
  assert.equal(driverOf(first), 'nvme');
});

test('a release that blocks in the kernel marks its function; others move meanwhile; it ends with its holder', async () => {
  await dismount(host, [first]);
  const holder = await hold(first);
  const hasty: Host = { ...blind, actions: { ...host.actions, claimGroupNode: () => ({ state: 'absent' }) } };
  await assert.rejects(mount(hasty, [first], { actDeadlineMs: 1_500 }), (error: HostError) => {
    assert.equal(error.code, 'driver-change-stuck', error.message);
    return true;
  });
  const again = await dda('mount', first);
  assert.equal(again.exitCode, 4);
  assert.match(again.notices, /\[operation-stuck\]: .*has been blocked in the kernel since it tried to release/);
  assert.match((await dda('survey', first)).output, /\[stuck\]/);

  await dismount(host, [second]);
  await mount(host, [second]);
  assert.equal(driverOf(second), 'nvme');

  await end(holder, 'SIGKILL');
  await until('the end of the release', () => (driverOf(first) === undefined ? true : undefined));
  const home = await dda('mount', first);
  assert.equal(home.exitCode, 0, home.notices);
  assert.equal(driverOf(first), 'nvme');
});
