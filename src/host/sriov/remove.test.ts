import assert from 'node:assert/strict';
import test from 'node:test';
import { dismount, mount } from '../moves/move.ts';
import { fakeHost } from '../testing/fake-host.ts';
import type { FakeHost } from '../testing/fake-host.ts';
import { cardHost, nvmeSriovHost } from '../testing/sriov-hosts.ts';
import { createVirtualFunctions } from './create-virtual-functions.ts';
import { listPhysicalFunctions, readVirtualFunctions } from './read-virtual-functions.ts';
import { removeVirtualFunctions } from './remove-virtual-functions.ts';

const pf = '0000:01:00.0';
const [first, second] = ['0000:01:00.1', '0000:01:00.2'];
const path = `/sys/bus/pci/devices/${pf}`;

async function hostWithTwo(description = nvmeSriovHost()): Promise<FakeHost> {
  const host = fakeHost(description);
  await createVirtualFunctions(host, { physicalFunction: pf, count: 2 });
  host.actions.acts.length = 0;
  return host;
}

/** As a VM has it: its group's node is open in a process. */
function lend(host: FakeHost, name: string, node: string): void {
  host.tree.file('/proc/4711/comm', 'qemu\n').symbolicLink('/proc/4711/fd/3', node);
  host.tree.file('/proc/4711/stat', `4711 (qemu) S ${'0 '.repeat(18)}99 0\n`);
  host.actions.heldNodes.add(node);
  assert.equal(host.actions.driverOf(name), 'vfio-pci');
}

test('functions that are mounted are removed, and their shares are free again', async () => {
  const host = await hostWithTwo();
  await mount(host, [first, second]);
  host.actions.acts.length = 0;
  const report = await removeVirtualFunctions(host, pf);
  assert.deepEqual(host.actions.acts, [`${path}/sriov_numvfs <- 0`]);
  assert.deepEqual(report.removed, [first, second]);
  assert.ok(!host.tree.exists(`/sys/bus/pci/devices/${first}`));
  const after = await readVirtualFunctions(host, pf);
  assert.deepEqual([after.functions, after.queues?.free, after.interrupts?.free], [[], 8, 4]);
  assert.equal(host.records.locks.size, 0);
});

test('a second removal changes nothing', async () => {
  const host = fakeHost(nvmeSriovHost());
  const report = await removeVirtualFunctions(host, pf);
  assert.deepEqual([report.removed, report.steps, host.actions.acts], [[], [], []]);
});

test('functions in the pool are removed only if that is asked for, and leave the pool first', async () => {
  const host = await hostWithTwo();
  await assert.rejects(removeVirtualFunctions(host, pf), {
    code: 'virtual-functions-lent',
    message: /0000:01:00.1, 0000:01:00.2 are dismounted.*dda mount 0000:01:00.1 0000:01:00.2.*--include-dismounted/,
  });
  assert.deepEqual(host.actions.acts, []);
  const report = await removeVirtualFunctions(host, pf, { includeDismounted: true });
  assert.deepEqual(report.removed, [first, second]);
  assert.equal(host.records.dismounted.size, 0);
  assert.equal(host.actions.acts.at(-1), `${path}/sriov_numvfs <- 0`);
});

test('no wish removes functions of which a VM has one, nor takes their physical function', async () => {
  const host = await hostWithTwo();
  lend(host, second, '/dev/vfio/21');
  const lent = { code: 'virtual-functions-lent', message: /process 4711 \(qemu\) has 0000:01:00.2/ };
  await assert.rejects(removeVirtualFunctions(host, pf), lent);
  await assert.rejects(removeVirtualFunctions(host, pf, { includeDismounted: true, force: true }), lent);
  await assert.rejects(dismount(host, [pf], { force: true }), { code: 'virtual-functions-lent' });
  assert.deepEqual(host.actions.acts, []);
  assert.equal(host.actions.driverOf(first), 'vfio-pci');
});

test('a borrower that is about to open one counts as a VM that has it', async () => {
  const host = await hostWithTwo();
  const record = host.records.dismounted.get(first);
  assert.ok(record !== undefined);
  host.tree.file('/proc/77/stat', `77 (dda) S ${'0 '.repeat(18)}5 0\n`);
  const borrower = { processId: 77, startTicks: 5, command: 'dda vm run' };
  host.records.write({ ...record, borrower });
  await assert.rejects(removeVirtualFunctions(host, pf, { includeDismounted: true }), {
    code: 'virtual-functions-lent',
    message: /process 77 \(dda vm run\) has 0000:01:00.1/,
  });
});

test('somebody opens a function between the look and the act: nothing is removed', async () => {
  const host = await hostWithTwo();
  host.actions.heldNodes.add('/dev/vfio/20');
  await assert.rejects(removeVirtualFunctions(host, pf, { includeDismounted: true }), { code: 'function-held' });
  assert.ok(!host.actions.acts.some((act) => act.includes('sriov_numvfs')));
  assert.equal(host.actions.driverOf(first), 'vfio-pci');
  assert.equal(host.actions.driverOf(second), 'vfio-pci');
});

test('another command that moves one of them is waited for by asking again', async () => {
  const host = await hostWithTwo();
  await mount(host, [first, second]);
  host.tree.file('/proc/5/stat', `5 (dda) S ${'0 '.repeat(18)}1 0\n`);
  host.records.locks.set('group-21', { processId: 5, startTicks: 1, command: 'dda dismount' });
  await assert.rejects(removeVirtualFunctions(host, pf), {
    code: 'operation-in-progress',
    message: /^Can't remove the virtual functions of 0000:01:00.0: process 5 \(dda dismount\)/,
  });
});

test('a function that the host works with stays, unless forced, which says what breaks', async () => {
  const [cardFunction] = cardHost().functions;
  assert.ok(cardFunction !== undefined);
  const potentialVirtualFunctions = (cardFunction.potentialVirtualFunctions ?? []).map((fn, index) => ({
    ...fn,
    interfaces: [{ name: `eth${index + 1}`, up: true, interfaceIndex: 10 + index }],
  }));
  const host = fakeHost({ ...cardHost({ potentialVirtualFunctions }), defaultRoutes: ['eth1'] });
  await createVirtualFunctions(host, { physicalFunction: cardFunction.address, count: 1, to: 'host' });
  await assert.rejects(removeVirtualFunctions(host, cardFunction.address), { code: 'function-in-use' });
  const { removed, warnings } = await removeVirtualFunctions(host, cardFunction.address, { force: true });
  assert.deepEqual(removed, ['0000:02:10.0']);
  assert.equal(warnings.length, 1);
});

test('which functions have SR-IOV', () => {
  assert.deepEqual(listPhysicalFunctions(fakeHost(nvmeSriovHost())), [pf]);
});
