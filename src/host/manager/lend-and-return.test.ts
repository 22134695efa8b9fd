import assert from 'node:assert/strict';
import test from 'node:test';
import { HostError } from '../errors.ts';
import { settle } from '../testing/fake-clock.ts';
import {
  by,
  display,
  network,
  nvme,
  sound,
  spec,
  startedMachine,
  unresettable,
  virtual,
} from '../testing/fake-machine.ts';

async function refusal(request: Promise<unknown>): Promise<HostError> {
  const error = await request.then(
    () => assert.fail('it was not refused'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof HostError, String(error));
  return error;
}

test('a function goes to a VM and comes home to the host', async (t) => {
  const m = await startedMachine(t);
  const { manager } = m;
  await manager.createVm({ name: 'web', spec }, by);
  await manager.dismount({ functions: ['01:00.0'] }, by);
  assert.equal(m.owner(nvme), 'pool');
  const lent = await manager.add({ vm: 'web', function: '01:00.0' }, by);
  assert.deepEqual([lent.owner.kind, lent.vm], ['lent', 'web']);
  assert.ok(m.host.actions.heldNodes.has('/dev/vfio/5'));
  const home = await manager.remove({ vm: 'web', function: nvme, to: 'host' }, by);
  assert.equal(home.owner.kind, 'host');
  assert.equal(m.host.actions.driverOf(nvme), 'nvme');
  assert.ok(
    m.host.actions.acts.some((act) => act.endsWith(`${nvme}/reset <- 1`)),
    'it was reset',
  );
  assert.deepEqual(m.violations, []);
  assert.deepEqual(
    manager
      .audit()
      .entries.map(({ what, outcome }) => `${what} ${outcome}`)
      .toReversed(),
    ['create-vm done', 'dismount done', 'add done', 'remove done'],
  );
});

test('the group moves as one, and that is said', async (t) => {
  const m = await startedMachine(t);
  const { warnings, functions } = await m.manager.dismount({ functions: [display] }, by);
  assert.deepEqual(functions.map(({ name }) => name).toSorted(), [display, sound]);
  assert.match(warnings.join(' '), /0000:02:00\.1 moved along, being in the same IOMMU group/);
  await m.manager.createVm({ name: 'web', spec }, by);
  await m.manager.createVm({ name: 'db', spec }, by);
  await m.manager.add({ vm: 'web', function: display }, by);
  const error = await refusal(m.manager.add({ vm: 'db', function: sound }, by));
  assert.equal(error.code, 'group-with-other-vm');
  assert.match(error.message, /the VM web has 0000:02:00\.0, which is in the same IOMMU group/);
  await m.manager.add({ vm: 'web', function: sound }, by);
  await m.manager.remove({ vm: 'web', function: sound, to: 'host' }, by);
  await settle();
  assert.deepEqual([m.owner(display), m.owner(sound)], ['host', 'host']);
  assert.equal(m.host.actions.driverOf(display), 'amdgpu');
});

test('any of a class in a pool', async (t) => {
  const m = await startedMachine(t);
  await m.manager.createPool({ name: 'fast' }, by);
  await m.manager.dismount({ functions: [nvme], pool: 'fast' }, by);
  await m.manager.dismount({ functions: [display], pool: 'fast' }, by);
  await m.manager.createVm({ name: 'web', spec }, by);
  const found = await m.manager.add({ vm: 'web', function: { pool: 'fast', class: '0108' } }, by);
  assert.equal(found.name, nvme);
  const error = await refusal(m.manager.add({ vm: 'web', function: { pool: 'fast', class: '0108' } }, by));
  assert.equal(error.code, 'nothing-free');
  assert.equal((await refusal(m.manager.removePool({ name: 'fast' }, by))).code, 'pool-not-empty');
});

test('a guest that keeps the function loses it at the deadline', async (t) => {
  const m = await startedMachine(t);
  m.vms.behaviour = 'keeps';
  await m.lend('web', nvme);
  const removed = m.manager.remove({ vm: 'web', function: nvme, deadlineMs: 5_000, to: 'host' }, by);
  await m.clock.pass(4_999);
  assert.equal(m.owner(nvme), 'returning');
  await m.clock.pass(1);
  assert.equal((await removed).owner.kind, 'host');
  assert.deepEqual(m.vm('web').orders, [`lend ${nvme}`, `eject ${nvme} 5000`, `revoke ${nvme}`]);
});

test('a VM process that never answers is killed at the deadline, and everything it had comes back', async (t) => {
  const m = await startedMachine(t);
  await m.lend('web', nvme, virtual);
  const process = m.vm('web');
  process.behaviour = 'silent';
  const removed = m.manager.remove({ vm: 'web', function: nvme, deadlineMs: 5_000 }, by);
  await m.clock.pass(4_999);
  assert.deepEqual(process.orders.slice(2), [`eject ${nvme} 5000`]);
  await m.clock.pass(1);
  // It had the whole deadline to say that it is alive.
  assert.deepEqual(process.orders.slice(2), [`eject ${nvme} 5000`, 'kill']);
  assert.equal((await removed).owner.kind, 'pool');
  await settle();
  assert.equal(m.owner(virtual), 'pool');
  const { vms, functions } = m.manager.snapshot();
  assert.deepEqual(vms, []);
  // Its end is the release: what it was asked and did not answer is nobody's problem any more.
  assert.deepEqual(
    functions.filter(({ problem }) => problem !== undefined),
    [],
  );
});

test('a VM process that answers and then hangs is killed two seconds after the deadline', async (t) => {
  const m = await startedMachine(t);
  m.vms.behaviour = 'keeps';
  await m.lend('web', nvme);
  const process = m.vm('web');
  const removed = m.manager.remove({ vm: 'web', function: nvme, deadlineMs: 5_000 }, by);
  await settle();
  process.behaviour = 'silent';
  await m.clock.pass(6_999);
  assert.equal(process.orders.at(-1), `revoke ${nvme}`);
  await m.clock.pass(1);
  assert.equal(process.orders.at(-1), 'kill');
  assert.equal((await removed).owner.kind, 'pool');
});

test('a VM process that lies is found out and killed', async (t) => {
  const m = await startedMachine(t);
  m.vms.behaviour = 'lies';
  await m.lend('web', nvme);
  const process = m.vm('web');
  const removed = await m.manager.remove({ vm: 'web', function: nvme, to: 'host' }, by);
  assert.equal(removed.owner.kind, 'host');
  assert.equal(process.orders.at(-1), 'kill');
  assert.deepEqual(m.violations, []);
});

test('a process that not even the kernel can end leaves its functions in quarantine, until it ends', async (t) => {
  const m = await startedMachine(t);
  await m.lend('web', nvme);
  const process = m.vm('web');
  process.behaviour = 'silent';
  process.isUnkillable = true;
  const removed = m.manager.remove({ vm: 'web', function: nvme, deadlineMs: 0 }, by);
  await m.clock.pass(7_000);
  assert.equal((await removed).owner.kind, 'quarantine');
  assert.equal(m.owner(nvme), 'quarantine held');
  assert.equal((await refusal(m.manager.stopVm({ name: 'web' }, by))).code, 'vm-not-answering');
  assert.deepEqual(m.violations, []);
  process.end({ exitCode: undefined, signal: 'SIGKILL' });
  await settle();
  assert.equal(m.owner(nvme), 'pool');
});

test('a VM process that dies gives everything back', async (t) => {
  const m = await startedMachine(t);
  await m.lend('web', nvme, display, sound);
  m.vm('web').end({ exitCode: undefined, signal: 'SIGSEGV' });
  await settle();
  assert.deepEqual(
    [nvme, display, sound].map((name) => m.owner(name)),
    ['pool', 'pool', 'pool'],
  );
  assert.equal((await refusal(m.manager.stopVm({ name: 'web' }, by))).code, 'no-such-vm');
});

test('a VM that is stopped gives everything back; one that does not stop is killed', async (t) => {
  const m = await startedMachine(t);
  await m.lend('web', nvme);
  const stopped = await m.manager.stopVm({ name: 'web' }, by);
  assert.deepEqual(
    stopped.functions.map(({ name, owner }) => [name, owner.kind]),
    [[nvme, 'pool']],
  );
  m.vms.behaviour = 'silent';
  await m.manager.createVm({ name: 'db', spec }, by);
  const process = m.vm('db');
  const slow = m.manager.stopVm({ name: 'db' }, by);
  await m.clock.pass(5_000);
  await slow;
  assert.deepEqual(process.orders, ['stop', 'kill']);
});

test('a panicked guest is not asked', async (t) => {
  const m = await startedMachine(t);
  m.vms.behaviour = 'keeps';
  await m.lend('web', nvme);
  m.vm('web').say({ kind: 'crashed', report: { message: 'Kernel panic' } });
  await settle();
  assert.equal(m.owner(nvme), 'pool');
  assert.deepEqual(m.vm('web').orders, [`lend ${nvme}`, `revoke ${nvme}`]);
  assert.deepEqual(m.manager.snapshot().vms[0]?.crash, { message: 'Kernel panic' });
});

test('what the host unplugs is revoked at once, and its place in the pool is kept', async (t) => {
  const m = await startedMachine(t);
  m.vms.behaviour = 'keeps';
  await m.lend('web', nvme);
  m.vm('web').say({ kind: 'release-requested', function: nvme });
  m.unplug(nvme);
  await m.clock.pass(1_000);
  assert.equal(m.owner(nvme), 'pool absent');
  assert.deepEqual(m.vm('web').orders, [`lend ${nvme}`, `revoke ${nvme}`]);
  assert.equal((await refusal(m.manager.add({ vm: 'web', function: nvme }, by))).code, 'function-absent');
});

test('a device error takes the function from the guest, and resets it', async (t) => {
  const m = await startedMachine(t);
  m.vms.behaviour = 'keeps';
  await m.lend('web', nvme);
  m.vm('web').say({ kind: 'function-failed', function: nvme, reason: 'uncorrectable error' });
  await settle();
  assert.equal(m.owner(nvme), 'pool');
  const [fn] = m.manager.snapshot().functions.filter(({ name }) => name === nvme);
  assert.match(fn?.problem?.message ?? '', /uncorrectable error/);
});

test('a function whose reset fails goes to quarantine; everything else goes on', async (t) => {
  const m = await startedMachine(t);
  await m.lend('web', nvme, display);
  let fails = true;
  m.host.actions.sabotage = ({ path }) =>
    fails && path.endsWith(`${nvme}/reset`)
      ? { outcome: 'failed', code: 'ENOTTY', text: 'Inappropriate ioctl' }
      : undefined;
  const removed = await m.manager.remove({ vm: 'web', function: nvme, to: 'host' }, by);
  assert.equal(m.owner(nvme), 'quarantine reset-failed');
  assert.match(removed.problem?.message ?? '', /Inappropriate ioctl/);
  await m.manager.remove({ vm: 'web', function: display, to: 'host' }, by);
  assert.equal(m.owner(display), 'host');
  for (const request of [
    m.manager.add({ vm: 'web', function: nvme }, by),
    m.manager.mount({ functions: [nvme] }, by),
    m.manager.dismount({ functions: [nvme] }, by),
  ]) {
    assert.equal((await refusal(request)).code, 'function-quarantined');
  }
  assert.equal((await refusal(m.manager.releaseQuarantine({ function: nvme }, by))).code, 'driver-change-failed');
  fails = false;
  assert.equal((await m.manager.releaseQuarantine({ function: nvme }, by)).owner.kind, 'pool');
});

test('a reset that hangs in the kernel delays nobody else', async (t) => {
  const m = await startedMachine(t);
  await m.lend('web', nvme, display);
  m.host.actions.sabotage = ({ path }) =>
    path.endsWith(`${nvme}/reset`) ? { outcome: 'stuck', processId: 99, afterMs: 15_000 } : undefined;
  await m.manager.remove({ vm: 'web', function: nvme }, by);
  assert.equal(m.owner(nvme), 'quarantine stuck');
  assert.equal((await m.manager.remove({ vm: 'web', function: display }, by)).owner.kind, 'pool');
});

test('what can not be reset is lent once, and then kept apart until somebody says otherwise', async (t) => {
  const m = await startedMachine(t);
  const { warnings } = await m.manager.dismount({ functions: [unresettable] }, by);
  assert.match(warnings.join(' '), /can't be handed back clean/);
  await m.lend('web', unresettable);
  await m.manager.remove({ vm: 'web', function: unresettable }, by);
  assert.equal(m.owner(unresettable), 'quarantine no-reset');
  await refusal(m.manager.releaseQuarantine({ function: unresettable }, by));
  const released = await m.manager.releaseQuarantine({ function: unresettable, force: true }, by);
  assert.equal(released.owner.kind, 'pool');
});

test('a physical function keeps its driver while a VM has one of its virtual ones', async (t) => {
  const m = await startedMachine(t);
  await m.lend('web', virtual);
  for (const request of [
    m.manager.dismount({ functions: [network], force: true }, by),
    m.manager.createVirtualFunctions({ physicalFunction: network, count: 1 }, by),
    m.manager.removeVirtualFunctions({ physicalFunction: network }, by),
  ]) {
    assert.equal((await refusal(request)).code, 'virtual-functions-lent');
  }
  assert.deepEqual(m.shapes, []);
  await m.manager.remove({ vm: 'web', function: virtual, to: 'host' }, by);
  const made = await m.manager.createVirtualFunctions({ physicalFunction: network, count: 2 }, by);
  const settings = [{ queues: 3, interrupts: 2 }];
  const wanted = { physicalFunction: network, count: 2, settings, drivenBy: 'nobody' } as const;
  await m.manager.createVirtualFunctions(wanted, by);
  assert.deepEqual(m.shapes, [`${network} 2`, `${network} 2 [{"queues":3,"interrupts":2}] nobody`]);
  assert.equal(made.functions.length, 2);
});

test('what a VM process counts is told, and not waited for long', async (t) => {
  const m = await startedMachine(t);
  const { manager } = m;
  await manager.createVm({ name: 'web', spec }, by);
  const process = m.vms.processes.get('web') ?? assert.fail('it has no process');
  process.exits = 4711;
  assert.deepEqual(await manager.vmCounters('web'), { exits: 4711 });
  assert.equal((await refusal(manager.vmCounters('mail'))).code, 'no-such-vm');
  process.behaviour = 'silent';
  const asked = refusal(manager.vmCounters('web'));
  await m.clock.pass(2_000);
  assert.equal((await asked).code, 'vm-not-answering');
});
