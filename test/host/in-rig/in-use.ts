import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { dda, diskOf, driverOf, end, first, run, startHolder } from './rig-functions.ts';

const directory = '/tmp/mounted';

describe('a function that the host is using', () => {
  let node = '';

  // Only now: the disk's name may change each time that its controller comes back.
  before(async () => {
    mkdirSync(directory, { recursive: true });
    node = `/dev/${await diskOf(first)}`;
    run('modprobe', 'ext4');
    run('mkfs.ext4', '-q', '-F', node, '65536');
  });

  async function assertRefused(told: RegExp): Promise<void> {
    const result = await dda('dismount', first);
    assert.deepEqual([result.exitCode, result.output], [4, ''], result.notices);
    assert.match(result.notices, told);
    assert.equal(driverOf(first), 'nvme');
  }

  test('a mounted file system keeps it, and is named', async () => {
    run('mount', node, directory);
    await assertRefused(
      new RegExp(`\\[function-in-use\\]: .*${node} is mounted at ${directory} \\(ext4\\).*umount ${directory}`),
    );
    run('umount', directory);
  });

  test('a file system that is mounted in another mount namespace only', async () => {
    const script = `mount ${node} ${directory} && echo ready && read end`;
    const holder = await startHolder('unshare', '--mount', 'sh', '-c', script);
    await assertRefused(new RegExp(`\\[function-in-use\\]: .*the kernel has ${node} claimed`));
    await end(holder, 'SIGTERM');
  });

  test('a process that has the disk open is named', async () => {
    const holder = await startHolder('sh', '-c', `exec 7<${node}; echo ready; read end`);
    await assertRefused(new RegExp(`Process ${holder.pid} \\(sh\\) has ${node} open`));
    await end(holder, 'SIGTERM');
  });

  test('force takes it all the same, and says what breaks', async () => {
    run('mount', node, directory);
    const forced = await dda('dismount', '--force', first);
    assert.equal(forced.exitCode, 0, forced.notices);
    assert.match(forced.notices, /^warning: \/tmp\/mounted would be lost/m);
    assert.equal(driverOf(first), 'vfio-pci');
    run('umount', '--lazy', directory);
    assert.equal((await dda('mount', first)).exitCode, 0);
  });

  test('swap keeps it', async () => {
    node = `/dev/${await diskOf(first)}`;
    run('mkswap', '--force', node, '65536');
    run('swapon', node);
    await assertRefused(new RegExp(`The host swaps to ${node}`));
    run('swapoff', node);
  });
});
