import assert from 'node:assert/strict';
import test from 'node:test';
import { HostError } from '../errors.ts';
import type { HostErrorCode } from '../errors.ts';
import { fakeHost } from '../testing/fake-host.ts';
import type { FakeHost } from '../testing/fake-host.ts';
import { hostWithoutIommu, nvmeHost } from '../testing/hosts.ts';
import { dismount, mount } from './move.ts';

const bdf = '0000:01:00.0';

/** Runs a move that must be refused before anything was done, and gives what the person reads. */
async function refusal(host: FakeHost, code: HostErrorCode, act: () => Promise<unknown>): Promise<HostError> {
  const driver = host.actions.driverOf(bdf);
  const records = new Map(host.records.dismounted);
  const error = await act().then(
    () => assert.fail('it was not refused'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof HostError, String(error));
  assert.equal(error.code, code);
  assert.deepEqual(
    host.actions.acts.filter((line) => !line.startsWith('modprobe')),
    [],
  );
  assert.equal(host.actions.driverOf(bdf), driver);
  assert.deepEqual(host.records.dismounted, records);
  assert.equal(host.records.locks.size, 0);
  return error;
}

test('no such function', async () => {
  const host = fakeHost(nvmeHost());
  const error = await refusal(host, 'no-such-function', () => dismount(host, ['01:00.1']));
  assert.equal(
    error.message,
    "Can't dismount 0000:01:00.1: this host has no PCI function 0000:01:00.1. There is 0000:01:00.0. See which ones it has with: dda survey",
  );
  await refusal(host, 'no-such-function', () => mount(host, ['99:00.0']));
});

test('a bridge', async () => {
  const host = fakeHost(nvmeHost());
  const error = await refusal(host, 'not-an-endpoint', () => dismount(host, ['00:04.0']));
  assert.match(error.obstacle, /0000:00:04\.0 \(PCI bridge: .*\) is a part of the machine itself/);
});

test('not in an IOMMU group, on a host without an IOMMU', async () => {
  const host = fakeHost(hostWithoutIommu());
  const error = await refusal(host, 'no-iommu-group', () => dismount(host, [bdf]));
  assert.match(error.obstacle, /runs without an IOMMU/);
  assert.match(error.remedy, /intel_iommu=on/);
});

test('not in an IOMMU group, where others are', async () => {
  const functions = nvmeHost().functions.map((fn) => {
    const { group: _, ...rest } = fn;
    return fn.address === bdf ? rest : fn;
  });
  const host = fakeHost({ functions });
  const error = await refusal(host, 'no-iommu-group', () => dismount(host, [bdf]));
  assert.match(error.obstacle, /it is in no IOMMU group/);
});

test('a group that was made without an IOMMU', async () => {
  const host = fakeHost(nvmeHost({}, { noIommuGroups: [5] }));
  await refusal(host, 'no-iommu-group', () => dismount(host, [bdf]));
});

test('memory that firmware goes on reaching', async () => {
  const host = fakeHost(nvmeHost({}, { reservedRegions: { 5: '0x00000000e0000000 0x00000000e0ffffff direct\n' } }));
  const error = await refusal(host, 'reserved-memory', () => dismount(host, [bdf]));
  assert.match(error.obstacle, /0xe0000000-0xe0ffffff/);
});

test('relaxable reserved memory is no obstacle', async () => {
  const host = fakeHost(
    nvmeHost({}, { reservedRegions: { 5: '0x00000000e0000000 0x00000000e0ffffff direct-relaxable\n' } }),
  );
  await dismount(host, [bdf]);
  assert.equal(host.actions.driverOf(bdf), 'vfio-pci');
});

const mate = { address: '0000:01:00.1', below: ['0000:00:04.0'], driver: 'snd_hda_intel', class: '040300', group: 5 };

test('a group that is not viable, and who else is in it', async () => {
  const host = fakeHost(nvmeHost({}, { functions: [mate] }));
  const error = await refusal(host, 'group-not-viable', () => dismount(host, [bdf]));
  assert.match(error.obstacle, /group 5 also holds 0000:01:00\.1 \(.*, driver snd_hda_intel\)/);
  assert.equal(error.remedy, 'Dismount them together: dda dismount 0000:01:00.0 0000:01:00.1');
  assert.deepEqual(error.details['others'], ['0000:01:00.1']);
});

test('a group goes when all of it is named', async () => {
  const host = fakeHost(nvmeHost({}, { functions: [mate] }));
  const report = await dismount(host, [bdf, mate.address]);
  assert.deepEqual(report.moved, [bdf, mate.address]);
  assert.equal(host.actions.driverOf(mate.address), 'vfio-pci');
});

test('members without a driver, port drivers and stubs keep no group', async () => {
  const bystanders = [
    { address: '0000:00:05.0', class: '060400', driver: 'pcieport', group: 5 },
    { address: '0000:01:00.2', below: ['0000:00:04.0'], class: '040300', group: 5 },
    { address: '0000:01:00.3', below: ['0000:00:04.0'], class: '0c0330', driver: 'pci-stub', group: 5 },
  ];
  const host = fakeHost(nvmeHost({}, { functions: bystanders }));
  await dismount(host, [bdf]);
  assert.equal(host.actions.driverOf(bdf), 'vfio-pci');
});

test('a group with a part of the machine that uses DMA can not be dismounted whole', async () => {
  const bridge = { address: '0000:00:1f.0', class: '060100', driver: 'lpc_ich', group: 5 };
  const host = fakeHost(nvmeHost({}, { functions: [bridge] }));
  const error = await refusal(host, 'group-not-viable', () => dismount(host, [bdf]));
  assert.match(error.remedy, /a root port with ACS/);
});

test('a mounted file system', async () => {
  const host = fakeHost(nvmeHost({}, { mounts: [{ source: '/dev/nvme0n1p1', at: '/srv/my data' }] }));
  const error = await refusal(host, 'function-in-use', () => dismount(host, [bdf]));
  assert.match(error.obstacle, /\/dev\/nvme0n1p1 is mounted at \/srv\/my data \(ext4\)\./);
  assert.match(error.remedy, /umount \/srv\/my data .*--force.*\/srv\/my data would be lost/);
});

test('force takes a function in use and says what breaks', async () => {
  const host = fakeHost(nvmeHost({}, { mounts: [{ source: '/dev/nvme0n1p1', at: '/srv' }] }));
  host.actions.claimedBlocks.add('/dev/nvme0n1');
  const report = await dismount(host, [bdf], { force: true });
  assert.equal(host.actions.driverOf(bdf), 'vfio-pci');
  assert.deepEqual(report.warnings, ['/srv would be lost with everything not yet written to it.']);
});

test('a block device that the kernel has claimed for something that is not visible', async () => {
  const host = fakeHost(nvmeHost());
  host.actions.claimedBlocks.add('/dev/nvme0n1p1');
  const error = await refusal(host, 'function-in-use', () => dismount(host, [bdf]));
  assert.match(error.obstacle, /\/dev\/nvme0n1p1 claimed/);
});

test('virtual functions that are dismounted keep their physical function', async () => {
  const vf = { address: '0000:01:00.1', below: ['0000:00:04.0'], driver: 'vfio-pci', group: 6, physicalFunction: bdf };
  const host = fakeHost(nvmeHost({ totalVfs: 4, virtualFunctions: [vf.address] }, { functions: [vf] }));
  await refusal(host, 'virtual-functions-lent', () => dismount(host, [bdf], { force: true }));
});

test('virtual functions at the host keep it too, unless forced', async () => {
  const vf = { address: '0000:01:00.1', below: ['0000:00:04.0'], driver: 'nvme', group: 6, physicalFunction: bdf };
  const host = fakeHost(nvmeHost({ totalVfs: 4, virtualFunctions: [vf.address] }, { functions: [vf] }));
  await refusal(host, 'function-in-use', () => dismount(host, [bdf]));
  const report = await dismount(host, [bdf], { force: true });
  assert.deepEqual(report.warnings, ['The virtual functions 0000:01:00.1 of 0000:01:00.0 would vanish.']);
});

test('vfio-pci can not be loaded', async () => {
  const host = fakeHost(nvmeHost({}, { drivers: [] }));
  host.actions.modules.clear();
  const error = await refusal(host, 'vfio-missing', () => dismount(host, [bdf]));
  assert.match(error.obstacle, /Module vfio-pci not found/);
});

test('a process holds the function: mounting is refused, with its name', async () => {
  const processes = [{ id: 812, name: 'qemu-system-x86', open: ['/dev/null', '/dev/vfio/vfio', '/dev/vfio/5'] }];
  const host = fakeHost(nvmeHost({ driver: 'vfio-pci' }, { processes }));
  const error = await refusal(host, 'function-held', () => mount(host, [bdf]));
  assert.match(error.obstacle, /process 812 \(qemu-system-x86\) holds 0000:01:00\.0 open/);
});

test('a process has the function on loan: mounting is refused although it is not open just now', async () => {
  const processes = [{ id: 99, name: 'node', open: [] }];
  const host = fakeHost(nvmeHost({}, { processes }));
  const borrower = { processId: 99, startTicks: 990, command: 'dda vm run' };
  await dismount({ ...host, self: borrower }, [bdf], { borrow: true });
  host.actions.acts.length = 0;
  const error = await refusal(host, 'function-held', () => mount(host, [bdf]));
  assert.match(error.obstacle, /process 99 \(dda vm run\) has borrowed 0000:01:00\.0/);
  await mount({ ...host, self: borrower }, [bdf]);
  assert.equal(host.actions.driverOf(bdf), 'nvme');
});

test('another dda is moving a function of the same group', async () => {
  const host = fakeHost(nvmeHost({}, { processes: [{ id: 99, name: 'node', open: [] }] }));
  host.records.locks.set('group-5', { processId: 99, startTicks: 990, command: 'dda mount' });
  await assert.rejects(dismount(host, [bdf]), (error: HostError) => {
    assert.equal(error.code, 'operation-in-progress');
    assert.match(error.obstacle, /process 99 \(dda mount\)/);
    return true;
  });
});

test('a lock whose owner is dead is no obstacle', async () => {
  const host = fakeHost(nvmeHost());
  host.records.locks.set('group-5', { processId: 99, startTicks: 990, command: 'dda mount' });
  await dismount(host, [bdf]);
  assert.equal(host.actions.driverOf(bdf), 'vfio-pci');
});

test('an earlier act that is still blocked in the kernel', async () => {
  const host = fakeHost(nvmeHost({}, { processes: [{ id: 99, name: 'dd', open: [] }] }));
  host.records.writeStuck({ function: bdf, processId: 99, startTicks: 990, intent: `release ${bdf} from nvme` });
  const error = await refusal(host, 'operation-stuck', () => dismount(host, [bdf]));
  assert.match(
    error.obstacle,
    /process 99 has been blocked in the kernel since it tried to release 0000:01:00\.0 from nvme/,
  );
});

test('somebody else has the driver changed, and it does not end', async () => {
  const host = fakeHost(nvmeHost({}, { processes: [{ id: 99, name: 'cat', open: [] }] }));
  host.actions.blockedRead = { outcome: 'stuck', processId: 99, afterMs: 3_000 };
  await refusal(host, 'operation-stuck', () => dismount(host, [bdf]));
  assert.deepEqual(host.records.stuck.get(bdf)?.startTicks, 990);
  // The next one doesn't even try, until that look has ended.
  host.actions.blockedRead = undefined;
  await refusal(host, 'operation-stuck', () => dismount(host, [bdf]));
});

test('an earlier act that has ended since is forgotten', async () => {
  const host = fakeHost(nvmeHost());
  host.records.writeStuck({ function: bdf, processId: 99, startTicks: 990, intent: 'whatever' });
  await dismount(host, [bdf]);
  assert.equal(host.records.stuck.size, 0);
});
