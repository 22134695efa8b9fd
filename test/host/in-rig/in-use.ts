import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { test } from 'node:test';
import { dda, diskOf, driverOf, end, first, run, startHolder } from './rig-functions.ts';

async function assertRefused(told: RegExp): Promise<void> {
  const result = await dda('dismount', first);
  assert.deepEqual([result.exitCode, result.output], [4, ''], result.notices);
  assert.match(result.notices, told);
  assert.equal(driverOf(first), 'nvme');
}

const disk = await diskOf(first);
const node = `/dev/${disk}`;
mkdirSync('/tmp/mounted', { recursive: true });
run('mkfs.ext4', '-q', '-F', node, '65536');
run('modprobe', 'ext4');

test('a mounted file system keeps the function, and is named', async () => {
  run('mount', node, '/tmp/mounted');
  await assertRefused(
    new RegExp(`\\[function-in-use\\]: .*${node} is mounted at /tmp/mounted \\(ext4\\).*umount /tmp/mounted`),
  );
  run('umount', '/tmp/mounted');
});

test('a file system that is mounted in another mount namespace only', async () => {
  const script = `mount ${node} /tmp/mounted && echo ready && read end`;
  const holder = await startHolder('unshare', '--mount', 'sh', '-c', script);
  await assertRefused(new RegExp(`\\[function-in-use\\]: .*the kernel has ${node} claimed`));
  await end(holder, 'SIGTERM');
});

test('a process that has the disk open is named', async () => {
  const holder = await startHolder('sh', '-c', `exec 7<${node}; echo ready; read end`);
  await assertRefused(new RegExp(`Process ${holder.pid} \\(sh\\) has ${node} open`));
  await end(holder, 'SIGTERM');
});

test('swap on the disk', async () => {
  run('mkswap', '--force', node, '65536');
  run('swapon', node);
  await assertRefused(new RegExp(`The host swaps to ${node}`));
  run('swapoff', node);
});

test('an unused disk goes, a function in use goes by force', async () => {
  run('mkfs.ext4', '-q', '-F', node, '65536');
  run('mount', node, '/tmp/mounted');
  const forced = await dda('dismount', '--force', first);
  assert.equal(forced.exitCode, 0, forced.notices);
  assert.match(forced.notices, /^warning: \/tmp\/mounted would be lost/m);
  assert.equal(driverOf(first), 'vfio-pci');
  run('umount', '--lazy', '/tmp/mounted');
  assert.equal((await dda('mount', first)).exitCode, 0);
});
