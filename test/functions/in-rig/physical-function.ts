import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { PhysicalFunction } from '../../../src/functions/index.ts';
import {
  countOpenFiles,
  linkName,
  list,
  openVfioDevice,
  readAttribute,
  writeAttribute,
} from '../../../src/linux/index.ts';
import { Borrowed } from './borrowed.ts';
import { barGpa } from './guest-nvme.ts';

const devices = '/sys/bus/pci/devices';
const [bdf] = list(devices).filter((name) => readAttribute(`${devices}/${name}/class`) === '0x010802');
assert(bdf !== undefined, 'the rig has an NVMe controller');

function bindToVfio(): void {
  writeAttribute(`${devices}/${bdf}/driver_override`, 'vfio-pci');
  if (existsSync(`${devices}/${bdf}/driver`)) writeAttribute(`${devices}/${bdf}/driver/unbind`, bdf ?? '');
  writeAttribute('/sys/bus/pci/drivers_probe', bdf ?? '');
  assert.equal(linkName(`${devices}/${bdf}/driver`), 'vfio-pci');
}

bindToVfio();

test('what a guest is shown of a real controller', () => {
  using guest = new Borrowed(bdf);
  const { fn } = guest;
  assert.equal(fn.name, bdf);
  assert.deepEqual(fn.warnings, []);
  assert.deepEqual([fn.identity.vendorId, fn.identity.deviceId, fn.identity.baseClass], [0x1b36, 0x0010, 0x01]);
  assert.deepEqual(fn.bars, [{ index: 0, kind: 'memory64', prefetchable: false, sizeBytes: 0x4000 }]);
  assert.equal(fn.vectors.msi, 0);
  assert(fn.vectors.msix > 9);
  assert.equal(fn.configImageAddress % 4096n, 0n);
  guest.attach();
  assert.equal(fn.readConfig(0, 4), 0x0010_1b36);
  assert.equal(fn.readConfig(4, 2), 0, 'not decoding, though the function itself does');
  assert.equal(fn.readConfig(0x3d, 1), 0);
  assert.equal(fn.readConfig(0x100, 4), 0, 'SR-IOV and its companions are hidden');
  const [registers, table, ...others] = fn.barRegions(0);
  assert.deepEqual(others, []);
  assert(registers?.access === 'direct' && registers.hostAddress % 4096n === 0n);
  assert.deepEqual([registers.offsetBytes, registers.sizeBytes], [0, 0x2000]);
  assert(table?.access === 'trapped' && table.imageAddress !== undefined);
  assert.deepEqual([table.offsetBytes, table.sizeBytes], [0x2000, 0x2000]);
  assert.equal(fn.readBar(0, 0x2100, 8), 0n, "entries beyond the function's own vectors are out of reach");
  assert.deepEqual(guest.news(), []);
});

test("a guest's driver reads by DMA and is interrupted; masked interrupts are kept", async () => {
  using guest = new Borrowed(bdf);
  guest.attach();
  guest.nvme.placeBar();
  assert.deepEqual(guest.news(), [`bar 0 0x${barGpa.toString(16)}`]);
  guest.nvme.enableMsix();
  guest.nvme.unmask(0, 0x60);
  assert.deepEqual(guest.news(), ['vector 0 0x60']);
  await guest.nvme.enable();
  assert.equal(await guest.nvme.identify(), 0x1b36);
  assert.equal(guest.interrupts(0), 1);
  guest.nvme.mask(0);
  await guest.nvme.identify();
  assert.equal(guest.interrupts(0), 1, 'the eventfd has it, for when the vector is unmasked');
  assert.deepEqual(guest.news(), ['vector 0 off']);
});

test('more vectors than were enabled at first: none is lost', async () => {
  using guest = new Borrowed(bdf);
  guest.attach();
  guest.nvme.placeBar();
  guest.nvme.enableMsix();
  guest.nvme.unmask(0, 0x60);
  await guest.nvme.enable();
  await guest.nvme.identify();
  assert.equal(guest.interrupts(0), 1);
  guest.nvme.unmask(9, 0x69);
  const afterGrowth = guest.interrupts(0);
  assert.equal(guest.interrupts(9), afterGrowth, 'both are signalled once where the kernel can not add vectors');
  await guest.nvme.createQueuePair(9);
  assert.equal(guest.interrupts(0), 2, 'both commands of the admin queue');
  await guest.nvme.readBlock();
  assert.equal(guest.interrupts(9), 1);
  assert.equal(guest.interrupts(0), 0);
  assert.deepEqual(
    guest.news().filter((line) => line.startsWith('failed')),
    [],
  );
});

test("the guest's own reset resets the controller, and it works again after", async () => {
  using guest = new Borrowed(bdf);
  guest.attach();
  guest.nvme.placeBar();
  guest.nvme.enableMsix();
  guest.nvme.unmask(0, 0x60);
  await guest.nvme.enable();
  await guest.nvme.identify();
  guest.news();
  guest.fn.writeConfig(guest.nvme.capability(0x10) + 8, 2, 0x8000);
  assert.deepEqual(guest.news(), ['bar 0 off', 'vector 0 off']);
  guest.nvme.placeBar();
  assert.equal(guest.nvme.ready, false);
  guest.nvme.enableMsix();
  guest.nvme.unmask(0, 0x61);
  guest.interrupts(0);
  await guest.nvme.enable();
  assert.equal(await guest.nvme.identify(), 0x1b36);
  assert.equal(guest.interrupts(0), 1, 'the same eventfd');
});

test('asleep in D3hot and back, the BAR is out of reach in between', async () => {
  using guest = new Borrowed(bdf);
  guest.attach();
  guest.nvme.placeBar();
  guest.news();
  const control = guest.nvme.capability(0x01) + 4;
  guest.fn.writeConfig(control, 2, 3);
  assert.deepEqual(guest.news(), ['bar 0 off']);
  assert.equal(guest.device.readConfig(control, 2) & 3, 3, 'the function sleeps');
  guest.fn.writeConfig(control, 2, 0);
  assert.deepEqual(guest.news(), [`bar 0 0x${barGpa.toString(16)}`]);
  assert.equal(guest.device.readConfig(control, 2) & 3, 0);
  await guest.nvme.enable();
  assert.equal(await guest.nvme.identify(), 0x1b36);
});

test('bus mastering is the way to stop DMA', async () => {
  using guest = new Borrowed(bdf);
  guest.attach();
  guest.nvme.placeBar();
  assert.equal(guest.device.readConfig(4, 2) & 6, 6);
  guest.fn.writeConfig(4, 2, 0x0402);
  assert.equal(guest.device.readConfig(4, 2) & 6, 2);
  guest.fn.writeConfig(4, 2, 0);
  assert.equal(guest.device.readConfig(4, 2) & 6, 2, 'the function goes on decoding');
});

test('detached: no interrupt, no DMA, no bus mastering, and reset; the next guest finds nothing', async () => {
  using guest = new Borrowed(bdf);
  guest.attach();
  guest.nvme.placeBar();
  guest.nvme.enableMsix();
  guest.nvme.unmask(0, 0x60);
  await guest.nvme.enable();
  await guest.nvme.identify();
  assert.equal(guest.device.domain.mappedBytes, guest.memory.sizeBytes);
  guest.news();
  guest.fn.detach();
  assert.deepEqual(guest.news(), []);
  assert.equal(guest.device.domain.mappedBytes, 0);
  assert.equal(guest.device.readConfig(4, 2) & 4, 0);
  assert.equal(guest.device.readRegion(0, 0x1c, 4) & 1n, 0n, 'the controller is off');
  assert.equal(guest.fn.readBar(0, 0x1c, 4), 0xffff_ffffn);
  guest.attach();
  assert.equal(guest.fn.readBar(0, 0x200c, 4), 1n);
  assert.equal(guest.fn.readConfig(0x14, 4), 0);
  guest.nvme.placeBar();
  await guest.nvme.enable();
  assert.equal(await guest.nvme.identify(), 0x1b36);
});

test('the host asks for it back, and has it as soon as it is closed', async () => {
  const guest = new Borrowed(bdf);
  guest.attach();
  const asked = new Promise<void>((resolve) => {
    guest.onReleaseRequested = resolve;
  });
  const unbind = spawn('sh', ['-c', `echo ${bdf} > /sys/bus/pci/drivers/vfio-pci/unbind`]);
  const unbound = once(unbind, 'exit');
  await asked;
  assert.equal(unbind.exitCode, null);
  assert.equal(guest.fn.readConfig(0, 2), 0x1b36, 'it works until it is given back');
  assert.equal(guest.news()[0], 'release requested');
  guest[Symbol.dispose]();
  assert.deepEqual(await unbound, [0, null]);
  bindToVfio();
});

test('a device that can not be taken over is closed', () => {
  const device = openVfioDevice({ bdf, backend: 'auto' });
  device.mmapRegion = () => {
    throw new Error('no room');
  };
  assert.throws(() => new PhysicalFunction(device), /no room/);
  const again = openVfioDevice({ bdf, backend: 'auto' });
  again.close();
  again.domain.close();
  device.domain.close();
});

test('nothing stays open', () => {
  const round = (): void => {
    using guest = new Borrowed(bdf);
    guest.attach();
    guest.nvme.placeBar();
    guest.nvme.enableMsix();
    guest.nvme.unmask(3, 0x60);
    guest.fn.detach();
    guest.attach();
  };
  round();
  const before = countOpenFiles();
  for (let i = 0; i < 3; i += 1) round();
  assert.equal(countOpenFiles(), before);
});
