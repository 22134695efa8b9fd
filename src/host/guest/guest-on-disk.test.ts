import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readKernel } from '../../vm/index.ts';
import { tinyBzImage } from '../../vm/testing/index.ts';
import { withGuestOnDisk, writeGuest } from './guest-on-disk.ts';
import { BASE_COMMAND_LINE, type GuestFiles } from './prepare-guest.ts';

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'dda-on-disk-'));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'vmlinuz'), tinyBzImage());
  writeFileSync(join(directory, 'initrd'), 'cpio');
  return directory;
}

function files(directory: string, changes: Partial<GuestFiles> = {}): GuestFiles {
  const kernel = join(directory, 'vmlinuz');
  const nothing = { modules: undefined, initrd: undefined, run: undefined, drivers: [], commandLine: '' };
  return { kernel, ...nothing, kaslr: true, ...changes };
}

test('an initramfs that was built is a file for as long as somebody needs it', async (t) => {
  const directory = place(t);
  const { image: kernel } = await readKernel(join(directory, 'vmlinuz'));
  const guest = {
    images: () => Promise.resolve({ kernel, initrd: Buffer.from('built') }),
    kernelPath: join(directory, 'vmlinuz'),
    commandLine: BASE_COMMAND_LINE,
    kernelName: '6.1.0-tiny',
    warnings: [],
  };
  const spec = await writeGuest(guest, files(directory), directory);
  assert.deepEqual(spec, {
    kernel: join(directory, 'vmlinuz'),
    initramfs: join(directory, 'initramfs'),
    commandLine: BASE_COMMAND_LINE,
  });
  assert.equal(readFileSync(join(directory, 'initramfs'), 'utf8'), 'built');
  assert.equal(statSync(join(directory, 'initramfs')).mode & 0o777, 0o600);
});

test('what was named stays where it is, with its whole path', async (t) => {
  const directory = place(t);
  const before = process.cwd();
  process.chdir(directory);
  t.after(() => process.chdir(before));
  const named = files(directory, { kernel: 'vmlinuz', initrd: 'initrd', drivers: ['nvme'], commandLine: 'loglevel=7' });
  const [spec, warnings] = await withGuestOnDisk(named, (guest, told) => Promise.resolve([guest, told] as const));
  assert.deepEqual(spec, {
    kernel: join(directory, 'vmlinuz'),
    initramfs: join(directory, 'initrd'),
    commandLine: `${BASE_COMMAND_LINE} loglevel=7`,
  });
  assert.deepEqual(warnings, ['initrd is used as it is: --modules and --driver add nothing to it.']);
});

test('whatever becomes of the work, nothing is left behind', async (t) => {
  const directory = place(t);
  let seen = '';
  const { TMPDIR } = process.env;
  process.env['TMPDIR'] = directory;
  t.after(() => {
    if (TMPDIR === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = TMPDIR;
  });
  const failed = new Error('the daemon refused');
  await assert.rejects(
    withGuestOnDisk(files(directory, { initrd: join(directory, 'initrd') }), () => {
      seen = readdirSync(directory).find((name) => name.startsWith('dda-guest-')) ?? '';
      throw failed;
    }),
    failed,
  );
  assert.match(seen, /^dda-guest-/);
  assert.equal(existsSync(join(directory, seen)), false);
});
