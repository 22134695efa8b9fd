import assert from 'node:assert/strict';
import test from 'node:test';
import type { TestContext } from 'node:test';
import { dismount, mount } from '../moves/move.ts';
import { HostError } from '../errors.ts';
import { settle } from '../testing/fake-clock.ts';
import {
  by,
  FakeMachine,
  machineDescription,
  nvme,
  otherVirtual,
  spec,
  startedMachine,
  virtual,
} from '../testing/fake-machine.ts';
import { kernelHost } from './kernel-host.ts';
import type { VmPort } from './ports.ts';

test('a restart of the manager stops no VM, and changes nothing', async (t) => {
  const m = await startedMachine(t);
  await m.lend('web', nvme);
  const process = m.vm('web');
  await m.restart();
  assert.equal(m.owner(nvme), 'lent web');
  assert.equal(m.vm('web'), process);
  assert.deepEqual(process.orders, [`lend ${nvme}`]);
  await m.manager.remove({ vm: 'web', function: nvme, to: 'host' }, by);
  assert.equal(m.owner(nvme), 'host');
});

test('what a guest gave back while no manager ran is home when one does', async (t) => {
  const m = await startedMachine(t);
  await m.lend('web', nvme);
  await m.manager.close();
  m.vm('web').giveBack(nvme);
  await m.start();
  assert.equal(m.owner(nvme), 'pool');
});

test('a guest’s deadline goes on over a restart', async (t) => {
  const m = await startedMachine(t);
  m.vms.behaviour = 'keeps';
  await m.lend('web', nvme);
  m.manager.remove({ vm: 'web', function: nvme, deadlineMs: 10_000 }, by).catch(() => undefined);
  await m.clock.pass(4_000);
  await m.restart();
  assert.deepEqual(m.vm('web').orders.at(-1), `eject ${nvme} 6000`);
  await m.clock.pass(5_999);
  assert.equal(m.owner(nvme), 'returning');
  await m.clock.pass(1);
  assert.equal(m.owner(nvme), 'pool');
});

test('a manager that ends waits for what the host is at', async (t) => {
  const m = await startedMachine(t);
  const host = kernelHost(m.host);
  const { promise: goesOn, resolve: goOn } = Promise.withResolvers<void>();
  await m.restart({ host: { ...host, dismount: (...asked) => goesOn.then(() => host.dismount(...asked)) } });
  m.manager.dismount({ functions: [nvme] }, by).catch(() => undefined);
  await settle();
  let hasEnded = false;
  const closed = m.manager.close().then(() => {
    hasEnded = true;
  });
  await settle();
  assert.equal(hasEnded, false);
  goOn();
  await closed;
  assert.equal(m.host.actions.driverOf(nvme), 'vfio-pci');
  await m.start();
  assert.equal(m.owner(nvme), 'pool');
});

test('what a VM process may have been handed over is not free because nobody reaches it now', async (t) => {
  const m = await startedMachine(t);
  m.vms.behaviour = 'silent';
  await m.manager.createVm({ name: 'web', spec }, by);
  await m.manager.dismount({ functions: [nvme] }, by);
  m.manager.add({ vm: 'web', function: nvme }, by).catch(() => undefined);
  await settle();
  assert.deepEqual([...m.vm('web').functions.keys()], [nvme]);
  const refusal = new HostError('vm-not-answering', {
    asked: 'find web',
    obstacle: 'no answer.',
    remedy: 'Try again.',
  });
  const vms: VmPort = { start: (...asked) => m.vms.start(...asked), find: () => Promise.reject(refusal) };
  await m.restart({ vms });
  assert.equal(m.owner(nvme), 'returning');
  await m.clock.pass(60_000);
  assert.equal(m.owner(nvme), 'quarantine held');
  m.vm('web').kill();
  await m.restart();
  await m.clock.pass(60_000);
  assert.equal(m.owner(nvme), 'pool');
});

test('functions that were being lent when the manager ended are lent anew, each with a number of its own', async (t) => {
  const m = await startedMachine(t);
  m.vms.behaviour = 'silent';
  await m.manager.createVm({ name: 'web', spec }, by);
  await m.manager.dismount({ functions: [nvme, virtual] }, by);
  const web = m.vm('web');
  const serials: number[] = [];
  const lend = web.lend.bind(web);
  web.lend = (order) => {
    serials.push(order.serial);
    return lend(order);
  };
  for (const name of [nvme, virtual]) m.manager.add({ vm: 'web', function: name }, by).catch(() => undefined);
  await settle();
  await m.restart();
  assert.deepEqual(serials, [1, 2, 3, 4]);
});

test('dismounted stays dismounted when the host restarts; VMs are gone', async (t) => {
  const m = await startedMachine(t);
  await m.lend('web', nvme);
  await m.manager.dismount({ functions: [virtual] }, by);
  await m.manager.close();
  m.reboot();
  assert.equal(m.host.actions.driverOf(nvme), 'nvme');
  await m.start();
  await m.clock.pass(60_000);
  assert.deepEqual([m.owner(nvme), m.owner(virtual), m.owner(otherVirtual)], ['pool', 'pool', 'host']);
  assert.equal(m.host.actions.driverOf(nvme), 'vfio-pci');
  assert.deepEqual(m.manager.snapshot().vms, []);
});

test('what the host uses after its restart is not torn from it, and told', async (t) => {
  const m = await startedMachine(t);
  await m.manager.dismount({ functions: [nvme] }, by);
  await m.manager.close();
  m.reboot(machineDescription({ mounts: [{ source: '/dev/nvme0n1p1', at: '/srv' }] }));
  await m.start();
  await m.clock.pass(60_000);
  assert.equal(m.owner(nvme), 'quarantine not-dismounted');
  assert.equal(m.host.actions.driverOf(nvme), 'nvme');
  const [fn] = m.manager.snapshot().functions.filter(({ name }) => name === nvme);
  assert.equal(fn?.problem?.code, 'function-in-use');
});

test('what was dismounted without a manager joins the pool', async (t) => {
  const made = new FakeMachine();
  t.after(() => made.dispose());
  await dismount(made.host, [nvme]);
  await made.start();
  assert.equal(made.owner(nvme), 'pool');
});

test('what another process has borrowed stays its own', async (t) => {
  const processes = [{ id: 70, name: 'dda', open: [] }];
  const made = new FakeMachine(machineDescription({ processes }));
  t.after(() => made.dispose());
  const self = { processId: 70, startTicks: 700, command: 'dda vm run' };
  await dismount({ ...made.host, self }, [nvme], { borrow: true });
  await made.start();
  assert.equal(made.owner(nvme), 'host');
  await assert.rejects(made.manager.dismount({ functions: [nvme] }, by), /dda vm run/);
  assert.equal(made.owner(nvme), 'host');
});

test('a function that is plugged in again stays dismounted', async (t) => {
  const m = await startedMachine(t);
  await m.manager.dismount({ functions: [nvme] }, by);
  const description = machineDescription();
  m.unplug(nvme);
  await m.clock.pass(1_000);
  assert.equal(m.owner(nvme), 'pool absent');
  await m.manager.close();
  m.reboot(description);
  await m.start();
  await m.clock.pass(1_000);
  assert.equal(m.owner(nvme), 'pool');
  assert.equal(m.host.actions.driverOf(nvme), 'vfio-pci');
});

test('another device in its place is the host’s', async (t) => {
  const m = await startedMachine(t);
  await m.manager.dismount({ functions: [nvme] }, by);
  await m.manager.close();
  const { functions, ...rest } = machineDescription();
  m.reboot({ ...rest, functions: functions.map((fn) => (fn.address === nvme ? { ...fn, ids: '8086:0953' } : fn)) });
  await m.start();
  assert.equal(m.owner(nvme), 'host');
  assert.equal(m.host.actions.driverOf(nvme), 'nvme');
});

test('what somebody bound to a host driver by hand is dismounted again', async (t) => {
  const m = await startedMachine(t);
  await m.manager.dismount({ functions: [nvme] }, by);
  await m.host.actions.write('/sys/bus/pci/drivers/vfio-pci/unbind', nvme);
  m.tell({ kind: 'function-changed', function: nvme });
  await m.clock.pass(1_000);
  assert.equal(m.owner(nvme), 'pool');
  assert.equal(m.host.actions.driverOf(nvme), 'vfio-pci');
});

test('one in quarantine that is pulled and plugged in before anybody looks does not stay with the host', async (t) => {
  const m = await startedMachine(t);
  await m.lend('web', nvme);
  m.host.actions.sabotage = ({ path }) =>
    path.endsWith('/reset') ? { outcome: 'failed', code: 'ENOTTY', text: 'Inappropriate ioctl' } : undefined;
  await m.manager.remove({ vm: 'web', function: nvme }, by);
  assert.equal(m.owner(nvme), 'quarantine reset-failed');
  m.host.actions.sabotage = () => undefined;
  await m.host.actions.write(`/sys/bus/pci/devices/${nvme}/driver_override`, '\n');
  await m.host.actions.write('/sys/bus/pci/drivers/vfio-pci/unbind', nvme);
  await m.host.actions.write('/sys/bus/pci/drivers/nvme/bind', nvme);
  m.tell({ kind: 'function-left', function: nvme });
  m.tell({ kind: 'function-changed', function: nvme });
  await m.clock.pass(1_000);
  assert.equal(m.owner(nvme), 'pool');
  assert.equal(m.host.actions.driverOf(nvme), 'vfio-pci');
});

test('one that is found again while it is taken back can be lent as soon as it is in the pool', async (t) => {
  const m = await startedMachine(t);
  await m.lend('web', nvme);
  // The host still has it: it has gone and come before anybody looked.
  m.tell({ kind: 'function-left', function: nvme });
  await m.manager.remove({ vm: 'web', function: nvme }, by);
  assert.equal(m.owner(nvme), 'pool');
  await m.manager.add({ vm: 'web', function: nvme }, by);
  assert.equal(m.owner(nvme), 'lent web');
});

test('a virtual function that appears is known at once', async (t) => {
  const { functions, ...rest } = machineDescription();
  const made = new FakeMachine({ ...rest, functions: functions.filter(({ address }) => address !== virtual) });
  t.after(() => made.dispose());
  await made.start();
  assert.equal(made.owner(virtual), 'nowhere');
  const events: string[] = [];
  made.manager.on((event) => events.push(event.kind));
  made.host.tree.symbolicLink(`/sys/bus/pci/devices/${virtual}`, `/sys/bus/pci/devices/${otherVirtual}`);
  made.tell({ kind: 'function-changed', function: virtual });
  await made.clock.pass(50);
  assert.equal(made.owner(virtual), 'host');
  assert.deepEqual(events, ['function-changed']);
  made.tell({ kind: 'lost' });
  await settle();
  assert.deepEqual(events, ['function-changed'], 'nothing else had changed');
});

test('a journal that can not be written any more ends the manager, and no VM', async (t) => {
  const m = await startedMachine(t);
  await m.lend('web', nvme);
  await m.manager.close();
  const journal = m.openJournal();
  await m.start({ journal });
  journal.close();
  await assert.rejects(m.manager.createVm({ name: 'db', spec }, by));
  m.vm('web').giveBack(nvme);
  await settle();
  assert.equal(m.fatal.length, 1);
  assert.ok(m.vms.processes.has('web'));
  m.crash();
  await m.start();
  assert.equal(m.owner(nvme), 'pool');
});

/** Its reset fails, so it is in quarantine when the manager ends. */
async function quarantined(t: TestContext): Promise<FakeMachine> {
  const m = await startedMachine(t);
  await m.lend('web', nvme);
  m.host.actions.sabotage = ({ path }) =>
    path.endsWith(`${nvme}/reset`) ? { outcome: 'failed', code: 'ENOTTY', text: 'Inappropriate ioctl' } : undefined;
  await m.manager.remove({ vm: 'web', function: nvme }, by);
  assert.equal(m.owner(nvme), 'quarantine reset-failed');
  return m;
}

test('quarantine lasts over a restart of the manager', async (t) => {
  const m = await quarantined(t);
  await m.restart();
  assert.equal(m.owner(nvme), 'quarantine reset-failed');
});

test('what was given to the host’s driver out of quarantine while no manager ran is the host’s', async (t) => {
  const m = await quarantined(t);
  await m.manager.close();
  await mount(m.host, [nvme]);
  assert.equal(m.host.actions.driverOf(nvme), 'nvme');
  await m.start();
  await m.clock.pass(60_000);
  assert.equal(m.owner(nvme), 'host');
  assert.equal(m.host.actions.driverOf(nvme), 'nvme');
  // As with everything of the host's.
  await m.lend('db', nvme);
  assert.equal(m.owner(nvme), 'lent db');
});

test('the same while a manager runs, as soon as it is seen', async (t) => {
  const m = await quarantined(t);
  await mount(m.host, [nvme]);
  m.tell({ kind: 'function-changed', function: nvme });
  await m.clock.pass(60_000);
  assert.equal(m.owner(nvme), 'host');
});

test('without any driver it stays in quarantine', async (t) => {
  const m = await quarantined(t);
  await m.manager.close();
  m.host.tree.remove(`/sys/bus/pci/devices/${nvme}/driver`);
  await m.start();
  await m.clock.pass(60_000);
  assert.equal(m.owner(nvme), 'quarantine reset-failed');
});
