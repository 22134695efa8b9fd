import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import type { HostFunction } from '../inventory/host-function.ts';
import { readInventory } from '../inventory/inventory.ts';
import { fakeHost, nvmeHost } from '../testing/index.ts';
import { guestDrivers, matches } from './guest-drivers.ts';

function directoryWith(t: TestContext, files: Readonly<Record<string, string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'dda-modules-'));
  t.after(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, 'kernel'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

function nvme(changes: Partial<HostFunction> = {}): HostFunction {
  const host = fakeHost(nvmeHost());
  const fn = readInventory(host.tree, host.ids).functions.get('0000:01:00.0') ?? assert.fail();
  return { ...fn, modalias: 'pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02', ...changes };
}

const hostAdapter = nvme({
  name: '0000:02:00.0',
  modalias: 'pci:v00001000d00000097sv00001000sd00003090bc01sc07i00',
  identity: { ...nvme().identity, subClass: 0x07 },
});

test('patterns as depmod writes them', () => {
  const alias = 'pci:v00001B36d00000010sv00001AF4sd00001100bc01sc08i02';
  assert.ok(matches('pci:v*d*sv*sd*bc01sc08i02*', alias));
  assert.ok(matches('pci:v00001B36d00000010sv*sd*bc*sc*i*', alias));
  assert.ok(matches('pci:v00001B3[5-7]d0000001?sv*', alias));
  assert.ok(!matches('pci:v00008086d*sv*sd*bc01sc08i02*', alias));
  assert.ok(!matches('pci:v*d*sv*sd*bc01sc08i03*', alias));
  assert.ok(!matches('pci:v*d*sv*sd*bc0.sc08i02*', alias));
});

test('drivers that claim a function, loadable and built in', async (t) => {
  const directory = directoryWith(t, {
    'modules.alias': [
      'alias pci:v*d*sv*sd*bc01sc08i02* nvme',
      'alias usb:v*p* other',
      'alias vfio_pci:v*d*sv*sd*bc*sc*i* vfio_pci',
      'alias pci:v00008086d*sv*sd*bc*sc*i* intel-thing',
      '',
    ].join('\n'),
    'modules.builtin.modinfo':
      'mpt3sas.description=x\0mpt3sas.alias=pci:v00001000d00000097sv*sd*bc*sc*i*\0mpt3sas.license=GPL\0',
  });
  assert.deepEqual(await guestDrivers(directory, [nvme(), nvme()]), { modules: ['nvme'], undriven: [] });
  // A disk behind a SCSI host adapter takes the SCSI disk driver, too.
  assert.deepEqual(await guestDrivers(directory, [hostAdapter]), { modules: ['mpt3sas', 'sd_mod'], undriven: [] });
  assert.deepEqual(await guestDrivers(directory, []), { modules: [], undriven: [] });
});

test('a function that no driver claims is named', async (t) => {
  const directory = directoryWith(t, { 'modules.alias': '' });
  assert.deepEqual(await guestDrivers(directory, [nvme()]), { modules: [], undriven: ['0000:01:00.0'] });
});

test("without aliases: the host's own driver of it, or the one of its class, if the kernel has it", async (t) => {
  const directory = directoryWith(t, { 'modules.order': 'kernel/nvme.ko\nkernel/mpt3sas.ko\n' });
  assert.deepEqual(await guestDrivers(directory, [nvme({ driver: 'vfio-pci' })]), { modules: ['nvme'], undriven: [] });
  assert.deepEqual((await guestDrivers(directory, [{ ...hostAdapter, driver: 'mpt3sas' }])).modules, [
    'mpt3sas',
    'sd_mod',
  ]);
  assert.deepEqual((await guestDrivers(directory, [{ ...hostAdapter, driver: 'other' }])).undriven, ['0000:02:00.0']);
});
