import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, statSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { Disk, openDisks } from '../../../src/host/index.ts';
import { emptyDisk } from './disk-file.ts';
import { withGuest } from './guest.ts';

const MIB = 1024 * 1024;
const READS = 200;

function sha256(path: string, offset: number, sizeBytes: number): string {
  const bytes = new Uint8Array(sizeBytes);
  const fd = openSync(path, 'r');
  readSync(fd, bytes, 0, sizeBytes, offset);
  closeSync(fd);
  return createHash('sha256').update(bytes).digest('hex');
}

const allocatedBytes = (path: string): number => statSync(path).blocks * 512;

const written = emptyDisk('written', 64 * MIB);
const readOnly = emptyDisk('read-only', 16 * MIB);
writeFileSync(readOnly, Buffer.alloc(16 * MIB, 'what the guest may read and nothing else. '));
const disks = openDisks([
  { path: written, readOnly: false },
  { path: readOnly, readOnly: true },
]);
after(() => disks.forEach((disk) => disk.close()));

test('a guest with two CPUs and a disk of software: its own nvme driver, from the first byte to the last', async (t) => {
  await withGuest({ vcpus: 2, disks }, async (guest) => {
    await guest.session.add('disk0');
    await t.test('it is found, with a queue for each CPU', async () => {
      await guest.until('[ -b /dev/nvme0n1 ]');
      assert.equal(await guest.run('cat /sys/block/nvme0n1/size'), String((64 * MIB) / 512));
      assert.equal((await guest.run('cat /sys/class/nvme/nvme0/model')).trim(), 'dda software NVMe');
      assert.equal(await guest.run('cat /sys/class/nvme/nvme0/queue_count'), '3');
      assert.equal(await guest.run('cat /sys/class/nvme/nvme0/state'), 'live');
    });
    await t.test('what it writes is what it reads, and what is in the file', async () => {
      await guest.verifyDisk(1);
      const sum = await guest.run('sha256sum </tmp/data');
      assert.equal(sha256(written, 8 * 65_536, 131_072), sum.split(' ')[0]);
    });
    await t.test('each CPU has a queue and an interrupt of its own', async () => {
      for (const cpu of [0, 1]) {
        const line = `grep nvme0q${cpu + 1} /proc/interrupts | awk '{ print $2 + $3 }'`;
        const before = Number(await guest.run(line));
        await guest.run(`taskset ${cpu + 1} dd if=/dev/nvme0n1 of=/dev/null bs=4k count=50 iflag=direct 2>/dev/null`);
        assert.ok(Number(await guest.run(line)) >= before + 50, `interrupts of queue ${cpu + 1}`);
      }
    });
    await t.test('reads and writes leave no vCPU for the device thread', async () => {
      const before = guest.session.machine.exitCounts().deviceExits;
      const quiet = await guest.run('true').then(() => guest.session.machine.exitCounts().deviceExits - before);
      const from = guest.session.machine.exitCounts().deviceExits;
      await guest.run(`dd if=/dev/nvme0n1 of=/dev/null bs=4k count=${READS} iflag=direct 2>/dev/null`);
      const exits = guest.session.machine.exitCounts().deviceExits - from;
      console.error(`dda-test: ${exits} exits of ${READS} reads and a command line, ${quiet} of a command line alone`);
      assert.ok(exits < READS / 2, `${exits} exits of ${READS} reads`);
    });
    await t.test('blkdiscard gives the room back, and the blocks read zero', async () => {
      await guest.run('dd if=/dev/urandom of=/dev/nvme0n1 bs=1M count=8 seek=16 oflag=direct conv=fsync 2>/dev/null');
      const full = allocatedBytes(written);
      await guest.run('blkdiscard -o $((16 * 1048576)) -l $((8 * 1048576)) /dev/nvme0n1');
      assert.ok(allocatedBytes(written) <= full - 8 * MIB, `${allocatedBytes(written)} of ${full} bytes are left`);
      await guest.run(
        'dd if=/dev/nvme0n1 bs=1M skip=16 count=8 iflag=direct 2>/dev/null | cmp -n $((8 * 1048576)) - /dev/zero',
      );
    });
    await t.test('a reset of the controller by sysfs, and it goes on', async () => {
      await guest.run('echo 1 >/sys/class/nvme/nvme0/reset_controller');
      await guest.until('[ "$(cat /sys/class/nvme/nvme0/state)" = live ]');
      await guest.verifyDisk(2);
    });
    await t.test('a function-level reset by sysfs, and it goes on', async () => {
      await guest.run('echo 1 >/sys/class/nvme/nvme0/device/reset');
      await guest.until('[ "$(cat /sys/class/nvme/nvme0/state)" = live ]');
      await guest.verifyDisk(3);
    });
    assert.deepEqual(await guest.complaints(), []);
    await t.test('a second disk, which it may only read', async () => {
      await guest.session.add('disk1');
      await guest.until('[ -b /dev/nvme1n1 ]');
      assert.equal(await guest.run('cat /sys/block/nvme1n1/ro'), '1');
      const sum = await guest.run('sha256sum </dev/nvme1n1');
      assert.equal(sum.split(' ')[0], sha256(readOnly, 0, 16 * MIB));
      await guest.session.eject('disk1');
    });
    await t.test('eject, and the same disk again with what was on it', async () => {
      const sum = await guest.run('dd if=/dev/nvme0n1 bs=1M count=4 2>/dev/null | sha256sum');
      await guest.session.eject('disk0');
      await guest.until('[ ! -e /dev/nvme0 ]');
      await guest.session.add('disk0');
      await guest.until('[ -b /dev/nvme0n1 ]');
      assert.equal(await guest.run('dd if=/dev/nvme0n1 bs=1M count=4 2>/dev/null | sha256sum'), sum);
      await guest.verifyDisk(4);
      await guest.session.rescind('disk0');
      await guest.until('[ ! -e /dev/nvme0 ]');
    });
  });
});

test('a file that a VM has is refused to another', () => {
  assert.throws(() => new Disk({ path: written, readOnly: false }, 'disk9'), { code: 'disk-in-use' });
  assert.throws(() => new Disk({ path: written, readOnly: true }, 'disk9'), { code: 'disk-in-use' });
  new Disk({ path: readOnly, readOnly: true }, 'disk9').close();
});
