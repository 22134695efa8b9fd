import assert from 'node:assert/strict';
import test from 'node:test';
import { fakeHost } from '../testing/fake-host.ts';
import { nvmeHost } from '../testing/hosts.ts';
import { dismount, mount } from './move.ts';

const bdf = '0000:01:00.0';

test('a dismount notes the driver, reserves the function, then moves it', async () => {
  const host = fakeHost(nvmeHost());
  const report = await dismount(host, ['01:00.0']);
  assert.deepEqual(host.actions.acts, [
    '/sys/bus/pci/devices/0000:01:00.0/driver_override <- vfio-pci',
    '/sys/bus/pci/drivers/nvme/unbind <- 0000:01:00.0',
    '/sys/bus/pci/drivers/vfio-pci/bind <- 0000:01:00.0',
  ]);
  assert.equal(host.actions.driverOf(bdf), 'vfio-pci');
  assert.ok(host.tree.exists('/dev/vfio/5'));
  assert.deepEqual(report.moved, [bdf]);
  assert.deepEqual(report.unchanged, []);
  assert.deepEqual(host.records.dismounted.get(bdf), {
    function: bdf,
    ids: '1b36:0010',
    hostDriver: 'nvme',
    previousOverride: undefined,
    dismountedAt: '2026-01-02T03:04:05.000Z',
    borrower: undefined,
  });
});

test('a second dismount changes nothing', async () => {
  const host = fakeHost(nvmeHost());
  await dismount(host, [bdf]);
  const before = host.actions.acts.length;
  const report = await dismount(host, [bdf]);
  assert.equal(host.actions.acts.length, before);
  assert.deepEqual([report.moved, report.unchanged], [[], [bdf]]);
});

test('vfio-pci is loaded where the kernel does not have it yet', async () => {
  const host = fakeHost(nvmeHost({}, { drivers: [] }));
  await dismount(host, [bdf]);
  assert.equal(host.actions.acts[0], 'modprobe vfio-pci');
  assert.equal(host.actions.driverOf(bdf), 'vfio-pci');
});

test('a mount gives the function back to the driver it came from', async () => {
  const host = fakeHost(nvmeHost());
  await dismount(host, [bdf]);
  host.actions.acts.length = 0;
  const report = await mount(host, [bdf]);
  assert.deepEqual(host.actions.acts, [
    '/sys/bus/pci/devices/0000:01:00.0/driver_override <- (empty)',
    '/sys/bus/pci/drivers/vfio-pci/unbind <- 0000:01:00.0',
    '/sys/bus/pci/drivers/nvme/bind <- 0000:01:00.0',
  ]);
  assert.deepEqual(report.moved, [bdf]);
  assert.equal(host.actions.driverOf(bdf), 'nvme');
  assert.ok(host.tree.exists('/sys/class/block/nvme0n1'));
  assert.equal(host.records.dismounted.size, 0);
});

test('a second mount changes nothing', async () => {
  const host = fakeHost(nvmeHost());
  const report = await mount(host, [bdf]);
  assert.deepEqual(host.actions.acts, []);
  assert.deepEqual([report.moved, report.unchanged], [[], [bdf]]);
});

test('a mount restores an override that was there before', async () => {
  const host = fakeHost(nvmeHost({ override: 'nvme' }));
  await dismount(host, [bdf]);
  await mount(host, [bdf]);
  assert.equal(host.actions.overrideOf(bdf), 'nvme');
  assert.equal(host.actions.driverOf(bdf), 'nvme');
});

test('a function that no driver had goes back to none', async () => {
  const { driver: _, ...bare } = nvmeHost().functions[1] ?? {};
  const host = fakeHost({ drivers: ['vfio-pci'], functions: [{ address: bdf, ...bare }] });
  host.actions.matchDriver(bdf, 'nvme');
  await dismount(host, [bdf]);
  assert.equal(host.actions.driverOf(bdf), 'vfio-pci');
  await mount(host, [bdf]);
  assert.equal(host.actions.driverOf(bdf), undefined);
});

test('a function that vfio-pci had from the start is mounted to whichever driver matches', async () => {
  const host = fakeHost(nvmeHost({ driver: 'vfio-pci' }));
  host.actions.matchDriver(bdf, 'nvme');
  host.actions.modules.set('pci:v00001b36d00000010', ['nvme']);
  await mount(host, [bdf]);
  assert.deepEqual(host.actions.acts, [
    '/sys/bus/pci/drivers/vfio-pci/unbind <- 0000:01:00.0',
    'modprobe pci:v00001b36d00000010',
    '/sys/bus/pci/drivers_probe <- 0000:01:00.0',
  ]);
  assert.equal(host.actions.driverOf(bdf), 'nvme');
});

test('a dismount that was killed half way is finished by the next, and its record keeps the driver', async () => {
  const host = fakeHost(nvmeHost());
  let acts = 0;
  host.actions.sabotage = () => {
    acts += 1;
    if (acts === 3) throw new Error('killed here');
    return undefined;
  };
  await assert.rejects(dismount(host, [bdf]), /killed here/);
  assert.equal(host.actions.driverOf(bdf), undefined);
  host.actions.sabotage = () => undefined;
  await dismount(host, [bdf]);
  assert.equal(host.records.dismounted.get(bdf)?.hostDriver, 'nvme');
  await mount(host, [bdf]);
  assert.equal(host.actions.driverOf(bdf), 'nvme');
});

test('a dismount that was killed half way is taken back by a mount', async () => {
  for (const killedAt of [1, 2, 3]) {
    const host = fakeHost(nvmeHost());
    let acts = 0;
    host.actions.sabotage = () => {
      acts += 1;
      if (acts === killedAt) throw new Error('killed here');
      return undefined;
    };
    await assert.rejects(dismount(host, [bdf]), /killed here/);
    host.actions.sabotage = () => undefined;
    await mount(host, [bdf]);
    assert.equal(host.actions.driverOf(bdf), 'nvme', `killed at act ${killedAt}`);
    assert.equal(host.actions.overrideOf(bdf), undefined);
    assert.equal(host.records.dismounted.size, 0);
  }
});

test('a record of another device in the same place is not believed', async () => {
  const host = fakeHost(nvmeHost({ driver: 'vfio-pci' }));
  host.actions.matchDriver(bdf, 'nvme');
  host.actions.modules.set('pci:v00001b36d00000010', ['nvme']);
  host.records.write({
    function: bdf,
    ids: '8086:10c9',
    hostDriver: 'igb',
    previousOverride: undefined,
    dismountedAt: '2025-01-01T00:00:00.000Z',
    borrower: undefined,
  });
  await mount(host, [bdf]);
  assert.equal(host.actions.driverOf(bdf), 'nvme');
});
