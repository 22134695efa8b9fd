import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { loadGuestModules, ModuleTree } from './modules.ts';
import { tinyModule } from './testing/tiny-elf.ts';
import { NO_XZ, xzBytes } from './testing/xz.ts';

type Files = Readonly<Record<string, string | Uint8Array>>;

/** A modules directory with these files; `modules.order` lists those below kernel/ unless given. */
async function tree(context: TestContext, files: Files): Promise<ModuleTree> {
  const root = join(mkdtempSync(join(tmpdir(), 'dda-modules-')), '6.1.0-tiny');
  context.after(() => rmSync(dirname(root), { recursive: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return ModuleTree.open(root);
}

const depends = (...names: string[]): Buffer => tinyModule([`depends=${names.join(',')}`]);
const HYPERV: Files = {
  'kernel/drivers/hv/hv_vmbus.ko': depends(),
  'kernel/drivers/pci/controller/pci-hyperv-intf.ko': depends(),
  'kernel/drivers/pci/controller/pci-hyperv.ko': depends('pci-hyperv-intf', 'hv_vmbus'),
};
const namesOf = (modules: readonly { readonly name: string }[]): string[] => modules.map(({ name }) => name);

test('vPCI’s drivers and what they need, dependencies first', async (context) => {
  const modules = await tree(context, HYPERV);
  assert.equal(modules.version, '6.1.0-tiny');
  const loaded = await loadGuestModules(modules, []);
  assert.deepEqual(namesOf(loaded), ['hv_vmbus', 'pci_hyperv_intf', 'pci_hyperv']);
  assert.deepEqual(Buffer.from(loaded[0]?.bytes ?? []), depends());
});

test('a driver’s own dependencies, each once, soft ones where they exist', async (context) => {
  const modules = await tree(context, {
    ...HYPERV,
    'kernel/nvme.ko': depends('nvme-core'),
    'kernel/nvme-core.ko': tinyModule(['depends=t10-pi,crc64', 'softdep=pre: fast-crc absent post: extra-crc']),
    'kernel/t10-pi.ko': depends('crc64'),
    'kernel/crc64.ko': depends(),
    'kernel/fast-crc.ko': depends(),
    'kernel/extra-crc.ko': depends('crc64'),
  });
  assert.deepEqual(namesOf(await modules.load(['nvme'])), [
    'crc64',
    't10_pi',
    'fast_crc',
    'nvme_core',
    'extra_crc',
    'nvme',
  ]);
});

test('soft dependencies in a circle', async (context) => {
  const modules = await tree(context, {
    'kernel/a.ko': tinyModule(['softdep=pre: b']),
    'kernel/b.ko': tinyModule(['softdep=pre: a']),
  });
  assert.deepEqual(namesOf(await modules.load(['a'])), ['b', 'a']);
});

test('compressed modules', async (context) => {
  const xz = xzBytes(depends('gz'));
  if (!xz) return context.skip(NO_XZ);
  const modules = await tree(context, {
    'kernel/xz.ko.xz': xz,
    'kernel/gz.ko.gz': gzipSync(depends('zst')),
    'kernel/zst.ko.zst': zstdCompressSync(depends()),
  });
  const loaded = await modules.load(['xz']);
  assert.deepEqual(namesOf(loaded), ['zst', 'gz', 'xz']);
  assert.deepEqual(Buffer.from(loaded[2]?.bytes ?? []), depends('gz'));
});

test('modules.order names them without what compression adds, and spares the walk', async (context) => {
  const modules = await tree(context, {
    'modules.order': 'kernel/lib/listed.ko\n',
    'kernel/lib/listed.ko.zst': zstdCompressSync(depends()),
    'kernel/lib/unlisted.ko': depends(),
  });
  assert.deepEqual(namesOf(await modules.load(['listed'])), ['listed']);
  assert.equal(modules.has('unlisted'), false);
});

test('what is in updates/ goes before the kernel’s own', async (context) => {
  const newer = tinyModule(['version=2', 'depends=']);
  const modules = await tree(context, {
    'modules.order': 'kernel/nvme.ko\n',
    'kernel/nvme.ko': depends(),
    'updates/dkms/nvme.ko': newer,
  });
  assert.deepEqual(Buffer.from((await modules.load(['nvme']))[0]?.bytes ?? []), newer);
});

test('built-in modules are there, and need not be loaded', async (context) => {
  const modules = await tree(context, {
    'modules.builtin': 'kernel/drivers/hv/hv_vmbus.ko\nkernel/lib/crc64.ko\n',
    'kernel/pci-hyperv.ko': depends('hv_vmbus'),
    'kernel/nvme.ko': depends('crc64'),
  });
  assert.deepEqual(namesOf(await loadGuestModules(modules, ['nvme'])), ['pci_hyperv', 'nvme']);
});

test('no Hyper-V drivers: says which', async (context) => {
  const modules = await tree(context, { 'kernel/nvme.ko': depends(), 'kernel/hv_vmbus.ko': depends() });
  await assert.rejects(loadGuestModules(modules, []), {
    name: 'BootError',
    code: 'modules-no-hyperv-drivers',
    message: /pci_hyperv not found/,
  });
});

test('a module that is nowhere: says who wanted it', async (context) => {
  const modules = await tree(context, { 'kernel/nvme.ko': depends('nvme-core') });
  await assert.rejects(modules.load(['nvme']), { code: 'module-missing', message: /'nvme_core', which nvme needs,/ });
  await assert.rejects(modules.load(['igbvf']), { code: 'module-missing', message: /'igbvf' is neither/ });
});

test('a module that is none, is damaged, or is listed only', async (context) => {
  const modules = await tree(context, {
    'modules.order': 'kernel/text.ko\nkernel/cut.ko\nkernel/gone.ko\n',
    'kernel/text.ko': 'not a module',
    'kernel/cut.ko.zst': zstdCompressSync(depends()).subarray(0, 20),
  });
  for (const name of ['text', 'cut', 'gone']) await assert.rejects(modules.load([name]), { code: 'module-bad' });
});

test('a damaged xz file', async (context) => {
  const xz = xzBytes(depends());
  if (!xz) return context.skip(NO_XZ);
  const modules = await tree(context, { 'kernel/cut.ko.xz': xz.subarray(0, xz.length - 10) });
  await assert.rejects(modules.load(['cut']), { code: 'module-bad' });
});

test('no modules directory', async (context) => {
  await assert.rejects(ModuleTree.open('/nowhere/6.1.0'), { code: 'modules-tree' });
  await assert.rejects(tree(context, { 'readme.txt': 'nothing here' }), { code: 'modules-tree' });
});
