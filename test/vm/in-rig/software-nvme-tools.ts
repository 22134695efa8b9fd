import assert from 'node:assert/strict';
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { openDisks } from '../../../src/host/index.ts';
import type { Guest } from './guest.ts';
import { withGuest } from './guest.ts';
import { guestPrograms } from './guest-programs.ts';

const MIB = 2 ** 20;
const DISK_BYTES = 64 * MIB;
const FIO_BYTES = 24 * MIB;

function file(name: string): string {
  const path = `/tmp/${name}-${process.pid}.img`;
  writeFileSync(path, '');
  truncateSync(path, DISK_BYTES);
  return path;
}

const [whole, split] = [file('whole'), file('split')];
const disks = openDisks([
  { path: whole, readOnly: false },
  { path: split, readOnly: false, virtualFunctions: 2 },
]);
after(() => disks.forEach((disk) => disk.close()));

const allocatedBytes = (path: string): number => statSync(path).blocks * 512;
const isZero = (path: string): boolean => readFileSync(path).every((byte) => byte === 0);

type Fields = Readonly<Record<string, unknown>>;

/** What a command of nvme-cli prints as JSON. */
async function nvme(guest: Guest, line: string): Promise<Fields> {
  return JSON.parse(await guest.run(`nvme ${line} -o json`)) as Fields;
}

/** Random reads and writes, 32 at once; then all that was written is read back, and each block's checksum compared. */
async function fio(guest: Guest, device: string, engine: string): Promise<void> {
  const job = [
    `--name=verified --filename=${device} --direct=1 --thread --ioengine=${engine} --iodepth=32`,
    `--rw=randrw --bs=4k --size=${FIO_BYTES} --verify=crc32c --verify_fatal=1 --do_verify=1`,
    '--output=/tmp/fio.json --output-format=json',
  ];
  await guest.run(`fio ${job.join(' ')}`);
  const report = JSON.parse(await guest.run('cat /tmp/fio.json')) as {
    readonly jobs: readonly {
      readonly error: number;
      readonly read: { readonly io_bytes: number };
      readonly write: { readonly io_bytes: number };
    }[];
  };
  const [ran] = report.jobs;
  assert.ok(ran);
  console.error(`dda-test: fio ${engine}: ${ran.write.io_bytes} bytes written, ${ran.read.io_bytes} read`);
  assert.equal(ran.error, 0);
  assert.ok(ran.write.io_bytes > 0, 'it wrote');
  // What was read along the way, and each written block once more.
  assert.ok(ran.read.io_bytes >= FIO_BYTES, `${ran.read.io_bytes} bytes read`);
}

test("a disk of software under Debian's fio and nvme-cli", async (t) => {
  const files = guestPrograms(['/usr/bin/fio', '/usr/sbin/nvme']);
  await withGuest({ vcpus: 2, memoryMib: 768, disks, files }, async (guest) => {
    await guest.session.add('disk0');
    await guest.until('[ -b /dev/nvme0n1 ]');
    await t.test('fio --verify=crc32c, random reads and writes, 32 at once', async () => {
      await fio(guest, '/dev/nvme0n1', 'libaio');
      await fio(guest, '/dev/nvme0n1', 'io_uring');
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
        ['dda software NVMe', 0, 1, 5, 0x1_0400],
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
    await guest.session.eject('disk0');
    await guest.until('[ ! -e /dev/nvme0 ]');
    await t.test('two virtual functions of one disk: two controllers, one after the other taken away', async () => {
      await guest.session.add('disk1.1');
      await guest.session.add('disk1.2');
      await guest.until('[ -c /dev/nvme0 ] && [ -c /dev/nvme1 ] && [ -b /dev/nvme0n1 ]');
      const ids = [await nvme(guest, 'id-ctrl /dev/nvme0'), await nvme(guest, 'id-ctrl /dev/nvme1')];
      assert.deepEqual(
        ids.map((controller) => Number(controller['cntlid'])).toSorted((a, b) => a - b),
        [1, 2],
      );
      assert.equal(ids[0]?.['subnqn'], ids[1]?.['subnqn']);
      await fio(guest, '/dev/nvme0n1', 'libaio');
      await guest.session.eject('disk1.1');
      await guest.verifyDisk(2);
      await guest.session.add('disk1.1');
      await guest.session.rescind('disk1.2');
      await guest.verifyDisk(3);
      await guest.session.eject('disk1.1');
      await guest.until('[ ! -e /dev/nvme0 ] && [ ! -e /dev/nvme1 ]');
      assert.equal(isZero(split), false);
    });
  });
});
