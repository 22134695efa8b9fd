import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { parseBzImage } from './bzimage.ts';
import type { Vmlinux } from './elf.ts';
import { type KernelFile, readKernel } from './kernel-file.ts';
import { readAll } from './image-file.ts';
import { TINY_VERSION, tinyBzImage } from './testing/tiny-bzimage.ts';
import { tinyExecutable } from './testing/tiny-elf.ts';
import { NO_XZ, xzBytes } from './testing/xz.ts';
import { extractVmlinux } from './vmlinux.ts';

const VMLINUX = tinyExecutable(0x1000000, [{ physicalAddress: 0x1000000, bytes: new Uint8Array(3000).fill(0x90) }]);
const SIZE = Buffer.alloc(4);
SIZE.writeUInt32LE(VMLINUX.length);
const withSize = (compressed: Uint8Array): Buffer => Buffer.concat([compressed, SIZE]);

const directoryFor = (context: TestContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'dda-kernel-'));
  context.after(() => rmSync(directory, { recursive: true }));
  return directory;
};
const file = (directory: string, bytes: Uint8Array): string => {
  writeFileSync(join(directory, 'kernel'), bytes);
  return join(directory, 'kernel');
};

const vmlinuxOf = ({ image }: KernelFile): Vmlinux => {
  assert.ok(image.kind === 'vmlinux');
  return image;
};
const bytesOf = (kernel: KernelFile): Buffer => Buffer.from(readAll(vmlinuxOf(kernel).file));

test('the kernel inside, however it is compressed', async (context) => {
  const xz = xzBytes(VMLINUX);
  if (!xz) return context.skip(NO_XZ);
  for (const compressed of [gzipSync(VMLINUX), withSize(zstdCompressSync(VMLINUX)), withSize(xz)]) {
    const unpacked = await extractVmlinux(parseBzImage(tinyBzImage({ compressed })));
    assert.deepEqual(Buffer.from(unpacked), VMLINUX);
  }
});

test('a kernel inside that is damaged, or compressed otherwise', async () => {
  const damaged = withSize(zstdCompressSync(VMLINUX).subarray(0, -9));
  await assert.rejects(extractVmlinux(parseBzImage(tinyBzImage({ compressed: damaged }))), {
    code: 'kernel-payload-bad',
  });
  await assert.rejects(extractVmlinux(parseBzImage(tinyBzImage({ compressed: Buffer.from('LZO!0000') }))), {
    code: 'kernel-payload-unsupported',
  });
});

test('a bzImage is started as it is, a vmlinux too', async (context) => {
  const directory = directoryFor(context);
  const bzImage = tinyBzImage();
  const path = file(directory, bzImage);
  assert.deepEqual(await readKernel(path), {
    image: parseBzImage(new Uint8Array(bzImage)),
    version: TINY_VERSION,
    path,
  });
  const vmlinux = await readKernel(file(directory, VMLINUX));
  assert.deepEqual([vmlinux.version, vmlinux.path], ['', path]);
  assert.deepEqual(bytesOf(vmlinux), VMLINUX);
  assert.equal(vmlinuxOf(vmlinux).entryGpa, 0x1000000);
});

test('with a directory for it, a bzImage is unpacked once', async (context) => {
  const directory = directoryFor(context);
  const unpackedDirectory = join(directory, 'cache', 'kernels');
  const path = file(directory, tinyBzImage({ compressed: gzipSync(VMLINUX) }));
  const unpacked = await readKernel(path, { unpackedDirectory });
  const [name, ...others] = readdirSync(unpackedDirectory);
  assert.deepEqual(others, []);
  const kept = join(unpackedDirectory, name ?? '');
  assert.deepEqual([unpacked.version, unpacked.path], [TINY_VERSION, kept]);
  assert.deepEqual(bytesOf(unpacked), VMLINUX);
  assert.match(name ?? '', /^vmlinux-[0-9a-f]{64}$/);
  // What stands there is used: another kernel under that name comes back.
  const other = tinyExecutable(0x1000000, [{ physicalAddress: 0x1000000, bytes: Uint8Array.of(0xf4) }]);
  writeFileSync(kept, other);
  const again = await readKernel(path, { unpackedDirectory });
  assert.deepEqual(bytesOf(again), other);
  assert.equal(again.path, kept);
});

test('a kernel that cannot be unpacked here is started as it is', async (context) => {
  const directory = directoryFor(context);
  const bzImage = tinyBzImage({ compressed: Buffer.from('LZO!0000') });
  const kernel = await readKernel(file(directory, bzImage), { unpackedDirectory: join(directory, 'cache') });
  assert.deepEqual([kernel.image.kind, kernel.path], ['bzimage', join(directory, 'kernel')]);
});

test('a vmlinux that is exchanged, cut short or gone before it is loaded', async (context) => {
  const directory = directoryFor(context);
  const path = file(directory, VMLINUX);
  const { file: image } = vmlinuxOf(await readKernel(path));
  rmSync(path);
  assert.throws(() => readAll(image), { code: 'kernel-unreadable' });
  file(directory, VMLINUX.subarray(0, 100));
  assert.throws(() => readAll(image), { code: 'kernel-unreadable', message: /was changed while/ });
  file(directory, VMLINUX);
  const { file: whole } = vmlinuxOf(await readKernel(path));
  assert.throws(() => whole.read(VMLINUX.length - 1, new Uint8Array(2)), { code: 'kernel-truncated' });
});

test('no kernel: not there, or neither of the two', async (context) => {
  await assert.rejects(readKernel('/nowhere/vmlinuz'), { code: 'kernel-unreadable' });
  const directory = directoryFor(context);
  await assert.rejects(readKernel(file(directory, Buffer.from('text'))), { code: 'kernel-not-bzimage' });
});
