import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { after, test } from 'node:test';
import { openDisks } from '../../../src/host/index.ts';
import { emptyDisk } from './disk-file.ts';
import { FIO_BYTES, fioVerifies } from './fio.ts';
import { withGuest } from './guest.ts';
import { guestPrograms } from './guest-programs.ts';
import { type Fields, nvme } from './nvme-cli.ts';

const MIB = 2 ** 20;
const DISK_BYTES = 64 * MIB;

const whole = emptyDisk('whole', DISK_BYTES);
const disks = openDisks([{ path: whole, readOnly: false }]);
after(() => disks.forEach((disk) => disk.close()));

const allocatedBytes = (path: string): number => statSync(path).blocks * 512;
const isZero = (path: string): boolean => readFileSync(path).every((byte) => byte === 0);

test("a disk of software under Debian's fio and nvme-cli", async (t) => {
  const files = guestPrograms(['/usr/bin/fio', '/usr/sbin/nvme']);
  await withGuest({ vcpus: 2, memoryMib: 768, disks, files }, async (guest) => {
    await guest.session.add('disk0');
    await guest.until('[ -b /dev/nvme0n1 ]');
    await t.test('fio --verify=crc32c, random reads and writes, 32 at once', async () => {
      await fioVerifies(guest, '/dev/nvme0n1', 'libaio');
      await fioVerifies(guest, '/dev/nvme0n1', 'io_uring');
    });
    await t.test('blkdiscard of all of it: zeros, and the file has no blocks left', async () => {
      assert.notEqual(allocatedBytes(whole), 0);
      await guest.run('blkdiscard /dev/nvme0n1');
      await guest.run(`dd if=/dev/nvme0n1 bs=1M iflag=direct 2>/dev/null | cmp -n ${DISK_BYTES} - /dev/zero`);
      assert.equal(allocatedBytes(whole), 0);
    });
    await t.test('identify', async () => {
      const controller = await nvme(guest, 'id-ctrl /dev/nvme0');
      assert.deepEqual(
        [
          String(controller['mn']).trim(),
          controller['cntlid'],
          controller['nn'],
          controller['mdts'],
          controller['ver'],
        ],
        ['dda software NVMe', 0, 1, 7, 0x1_0400],
      );
      const namespace = await nvme(guest, 'id-ns /dev/nvme0n1');
      assert.deepEqual(
        [namespace['nsze'], namespace['ncap'], namespace['flbas']],
        [DISK_BYTES / 512, DISK_BYTES / 512, 0],
      );
    });
    await t.test('a read beyond the end is in the error log', async () => {
      await guest.run('if nvme read /dev/nvme0n1 -s 999999999 -z 512 -c 0 -d /tmp/none; then false; fi');
      const { errors } = (await nvme(guest, 'error-log /dev/nvme0 -e 4')) as { readonly errors: readonly Fields[] };
      console.error(`dda-test: ${JSON.stringify(errors[0])}`);
      assert.equal(Number(errors[0]?.['error_count']) > 0, true);
      assert.equal(Number(errors[0]?.['lba']), 999_999_999);
      assert.equal(Number(errors[0]?.['nsid']), 1);
    });
    await t.test('SMART', async () => {
      const log = await nvme(guest, 'smart-log /dev/nvme0');
      assert.deepEqual([log['critical_warning'], log['temperature'], log['avail_spare']], [0, 300, 100]);
      const [units, writes, failed] = ['data_units_written', 'host_write_commands', 'num_err_log_entries'].map((name) =>
        Number(log[name]),
      );
      console.error(`dda-test: ${units} units written in ${writes} commands, ${failed} errors`);
      // Half of what fio does writes, twice.
      assert.ok(Number(units) >= (0.8 * FIO_BYTES) / 512_000, `${units} units`);
      assert.ok(Number(writes) >= (0.8 * FIO_BYTES) / 4096, `${writes} commands`);
      assert.ok(Number(failed) >= 1, `${failed} errors`);
    });
    await t.test('format: all that was on it is gone', async () => {
      await guest.run('dd if=/dev/urandom of=/dev/nvme0n1 bs=1M count=4 oflag=direct conv=fsync 2>/dev/null');
      assert.equal(isZero(whole), false);
      await guest.run('nvme format /dev/nvme0n1 --lbaf=0 --ses=1 --force');
      assert.equal(isZero(whole), true);
      assert.equal(allocatedBytes(whole), 0);
    });
    await t.test('reset, and it goes on', async () => {
      await guest.run('nvme reset /dev/nvme0');
      await guest.until('[ "$(cat /sys/class/nvme/nvme0/state)" = live ]');
      await guest.verifyDisk(1);
    });
    const complaints = await guest.complaints();
    assert.deepEqual(
      complaints.filter((line) => !/critical target error|LBA Out of Range|I\/O error|resetting controller/.test(line)),
      [],
    );
  });
});
