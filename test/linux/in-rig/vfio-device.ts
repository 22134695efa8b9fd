import assert from 'node:assert/strict';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import {
  bufferAddress,
  countOpenFiles,
  coverWithZeroPages,
  createDmaDomain,
  EventFd,
  IrqIndex,
  Kvm,
  mapFd,
  openVfioDevice,
  readAttribute,
  RegionIndex,
  SharedMemory,
  type VfioBackendKind,
  vfioBackendFor,
} from '../../../src/linux/index.ts';
import { NvmeProbe, nvmeMemorySizeBytes } from './nvme-probe.ts';
import { bindTo, nvmeControllers } from './rig-devices.ts';

const classOf = (bdf: string): string => readAttribute(`/sys/bus/pci/devices/${bdf}/class`);
const [bdf, otherBdf] = nvmeControllers(classOf);
assert.ok(bdf !== undefined && otherBdf !== undefined, 'the rig has two NVMe controllers');
const backend = (process.env['VFIO_BACKEND'] ?? 'container') as VfioBackendKind;

const guestBase = 0x10_0000;
const capabilities = 0;
const command = 4;
const memorySpaceAndBusMaster = 6;

test('a function that the host still uses can not be opened', () => {
  assert.throws(() => openVfioDevice({ bdf, backend: 'container' }), { code: 'vfio-not-dismounted' });
});

test('dismounted, it opens, and shows what it is made of', () => {
  bindTo(bdf, 'vfio-pci');
  bindTo(otherBdf, 'vfio-pci');
  assert.equal(vfioBackendFor(bdf), backend);
  const device = openVfioDevice({ bdf, backend: 'auto' });
  assert.equal(device.domain.backend, backend);
  assert.equal(device.info.resettable, true);
  assert.equal(device.readConfig(0, 4), 0x0010_1b36);
  assert.equal(device.region(RegionIndex.config).sizeBytes, 4096);
  const bar = device.region(0);
  assert.deepEqual([bar.readable, bar.writable, bar.sizeBytes >= 0x4000], [true, true, true]);
  assert.equal(bar.msixMappable, true);
  assert.deepEqual(bar.mappableAreas, [{ offset: 0, sizeBytes: bar.sizeBytes }]);
  assert.equal(device.region(1).sizeBytes, 0);
  const msix = device.irqInfo(IrqIndex.msix);
  assert.deepEqual([msix.count > 1, msix.eventFds], [true, true]);
  assert.equal(device.irqInfo(IrqIndex.request).count, 1);
  assert.throws(() => openVfioDevice({ bdf, backend }), { code: 'vfio-in-use' });
  assert.throws(() => device.readRegion(0, bar.sizeBytes - 2, 4), RangeError);
  assert.throws(() => device.region(99), RangeError);
  device.close();
  device.domain.close();
});

test('BAR 0 reads the same through the descriptor and through a mapping', () => {
  const device = openVfioDevice({ bdf, backend });
  device.writeConfig(command, 2, memorySpaceAndBusMaster);
  const read = device.readRegion(0, capabilities, 8);
  const bar = device.region(0);
  const buffer = mapFd(device.fd, bar.fileOffset, 4096);
  const seen = new DataView(buffer, 0, 8);
  assert.equal(BigInt(seen.getUint32(0, true)) | (BigInt(seen.getUint32(4, true)) << 32n), read);
  assert.notEqual(read, 0n);
  coverWithZeroPages(buffer);
  assert.equal(seen.getUint32(0, true), 0);
  const address = device.mmapRegion(0, 0, bar.sizeBytes);
  assert.notEqual(address, bufferAddress(buffer));
  device.munmapRegion(address);
  device.munmapRegion(address);
  device.writeConfig(command, 2, 0);
  assert.throws(() => device.readRegion(0, capabilities, 4), { name: 'SystemCallError', code: 'EIO' });
  device.close();
  device.domain.close();
});

test('DMA reaches mapped memory, interrupts arrive as eventfds, a reset ends both', async () => {
  const device = openVfioDevice({ bdf, backend });
  const memory = SharedMemory.create('guest', nvmeMemorySizeBytes);
  device.domain.mapDma(guestBase, memory.sizeBytes, memory.address);
  assert.equal(device.domain.mappedBytes, memory.sizeBytes);
  device.writeConfig(command, 2, memorySpaceAndBusMaster);
  const interrupts = [EventFd.create(), EventFd.create()];
  device.setIrqEventFds(
    IrqIndex.msix,
    0,
    interrupts.map((event) => event.fd),
  );
  const probe = new NvmeProbe(device, memory, guestBase);
  await probe.enable();
  const [interrupt] = interrupts;
  assert.ok(interrupt !== undefined);
  const signalled = new Promise<bigint>((resolve) => interrupt.onSignal(resolve));
  probe.submitIdentify();
  assert.equal(await probe.completion(), 0);
  assert.equal(probe.identifyVendor, 0x1b36);
  assert.equal(await signalled, 1n);

  device.setIrqEventFds(IrqIndex.msix, 0, [undefined]);
  probe.submitIdentify();
  assert.equal(await probe.completion(), 0);
  assert.equal(interrupt.drain(), 0n, 'disconnected');

  device.disableIrqs(IrqIndex.msix);
  device.disableIrqs(IrqIndex.msix);
  device.reset();
  device.writeConfig(command, 2, memorySpaceAndBusMaster);
  assert.equal(probe.enabled, false);
  for (const event of interrupts) event.close();
  device.close();
  device.domain.close();
  memory.close();
});

test('two devices share one address space, and each holds what it mapped', () => {
  const domain = createDmaDomain(backend);
  assert.throws(() => domain.mapDma(guestBase, 4096, 0x1000n), { code: 'vfio-domain-empty' });
  const one = openVfioDevice({ bdf, domain });
  const other = openVfioDevice({ bdf: otherBdf, domain });
  const memory = SharedMemory.create('guest', 1 << 20);
  domain.mapDma(guestBase, memory.sizeBytes, memory.address);
  domain.mapDma(guestBase, memory.sizeBytes, memory.address);
  assert.equal(domain.mappedBytes, memory.sizeBytes);
  assert.throws(() => domain.mapDma(guestBase + 4096, 4096, memory.address), { code: 'vfio-dma-overlap' });
  one.close();
  domain.unmapDma(guestBase, memory.sizeBytes);
  assert.equal(domain.mappedBytes, memory.sizeBytes, 'the other device holds it');
  domain.unmapDma(guestBase, memory.sizeBytes);
  assert.equal(domain.mappedBytes, 0);
  domain.mapDma(guestBase, memory.sizeBytes, memory.address);
  domain.unmapAllDma();
  domain.mapDma(guestBase, memory.sizeBytes, memory.address);
  assert.throws(() => domain.mapDma(0xfee0_0000, 4096, memory.address), { code: 'vfio-dma-reserved' });
  assert.equal(domain.mappedBytes, memory.sizeBytes, 'a mapping that failed is not counted');
  assert.equal(
    domain.iovaRanges().some((range) => range.first <= 0xfee0_0000n && range.last >= 0xfee0_0000n),
    false,
  );
  other.close();
  assert.equal(domain.mappedBytes, 0, 'nobody is left to reach it');
  const again = openVfioDevice({ bdf, domain });
  domain.mapDma(guestBase, memory.sizeBytes, memory.address);
  again.close();
  domain.close();
  memory.close();
});

test('KVM is told which devices a guest has', () => {
  const device = openVfioDevice({ bdf, backend });
  const kvm = Kvm.open();
  const vm = kvm.createVm();
  const known = vm.createVfioDevice();
  known.add(device.kvmFileFd);
  assert.throws(() => known.add(device.kvmFileFd), { code: 'EEXIST' });
  known.remove(device.kvmFileFd);
  known.close();
  vm.close();
  kvm.close();
  device.close();
  device.domain.close();
});

test('a host that wants the device back asks, and has it once it is closed', async () => {
  const device = openVfioDevice({ bdf, backend });
  const request = EventFd.create();
  device.setIrqEventFds(IrqIndex.request, 0, [request.fd]);
  const asked = new Promise<bigint>((resolve) => request.onSignal(resolve));
  const unbind = spawn('sh', ['-c', `echo ${bdf} > /sys/bus/pci/drivers/vfio-pci/unbind`]);
  const unbound = once(unbind, 'exit');
  await asked;
  assert.equal(unbind.exitCode, null, 'it waits');
  device.close();
  device.domain.close();
  request.close();
  assert.deepEqual(await unbound, [0, null]);
  bindTo(bdf, 'vfio-pci');
});

test('nothing stays open', () => {
  const before = countOpenFiles();
  for (let round = 0; round < 5; round++) {
    const device = openVfioDevice({ bdf, backend });
    device.mmapRegion(0, 0, 4096);
    device.close();
    device.domain.close();
  }
  assert.equal(countOpenFiles(), before);
});
