import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { dda } from '../../host/in-rig/rig-functions.ts';
import { guest, guestScript, VmProcess, waitForDisk } from './vm-process.ts';

const BLOCK = 512;

function file(name: string): string {
  const path = `/tmp/${name}.img`;
  writeFileSync(path, '');
  truncateSync(path, 16 * 2 ** 20);
  return path;
}

const text = (path: string, block: number): string =>
  readFileSync(path)
    .subarray(block * BLOCK, (block + 1) * BLOCK)
    .toString()
    .replace(/\0+$/, '');

test('a file is a disk of the guest, over a reset too; what it wrote is in the file', async () => {
  const disk = file('over-a-reset');
  const script = guestScript(
    'use-file',
    `${waitForDisk}
    if [ "$(dd if=/dev/nvme0n1 bs=512 count=1 skip=8 iflag=direct 2>/dev/null | head -c 5)" = again ]; then
      echo second-start; exit 0
    fi
    echo again | dd of=/dev/nvme0n1 bs=512 count=1 seek=8 conv=sync oflag=direct 2>/dev/null
    echo first-start; reboot -f`,
  );
  const vm = new VmProcess([...guest, '--disk', disk, '--run', script, '--on-reset', 'restart']);
  assert.equal(await vm.ended, 0, vm.output + vm.notices);
  assert.match(vm.output, /first-start[^]*second-start/);
  assert.match(vm.notices, /disk0 lent to the guest/);
  assert.match(text(disk, 8), /^again\n/);
});

test('a disk goes and comes by order of another process, and no other VM gets its file meanwhile', async () => {
  const disk = file('by-order');
  const script = guestScript(
    'two-lives',
    `${waitForDisk}
    echo first-life | dd of=/dev/nvme0n1 bs=512 count=1 conv=sync oflag=direct 2>/dev/null; echo wrote-once
    n=0; while [ -e /dev/nvme0 ] && [ $n -lt 1200 ]; do usleep 50000; n=$((n+1)); done; echo disk-is-gone
    ${waitForDisk}
    dd if=/dev/nvme0n1 bs=512 count=1 iflag=direct 2>/dev/null | head -n 1
    exit 0`,
  );
  const vm = new VmProcess([...guest, '--name', 'disks', '--disk', disk, '--run', script]);
  await vm.says(/^wrote-once/m);
  const taken = await dda('vm', 'run', '--disk', disk);
  assert.deepEqual([taken.exitCode, /\[disk-in-use\]/.test(taken.notices)], [4, true], taken.notices);
  assert.equal((await dda('vm', 'eject', 'disks', 'disk0')).exitCode, 0);
  await vm.says(/^disk-is-gone/m);
  const unknown = await dda('vm', 'add', 'disks', 'disk7');
  assert.match(unknown.notices, /\[no-such-function\].*It has disk0\./);
  assert.equal((await dda('vm', 'add', 'disk0')).exitCode, 0);
  assert.equal(await vm.ended, 0, vm.output + vm.notices);
  assert.match(vm.output, /disk-is-gone[^]*first-life/);
});
