import assert from 'node:assert/strict';
import type { Guest } from './guest.ts';

export const FIO_BYTES = 12 * 2 ** 20;

/** Random reads and writes, 32 at once; then all that was written is read back, and each block's checksum compared. */
export async function fioVerifies(guest: Guest, device: string, engine: string): Promise<void> {
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
