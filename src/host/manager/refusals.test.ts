import assert from 'node:assert/strict';
import test from 'node:test';
import { HostError } from '../errors.ts';
import { PciAddressError } from '../../pci/index.ts';
import { settle } from '../testing/fake-clock.ts';
import {
  by,
  display,
  FakeMachine,
  machineDescription,
  nvme,
  sound,
  spec,
  startedMachine,
} from '../testing/fake-machine.ts';

/** What a request is refused with; nothing else may have changed. */
async function refused(m: FakeMachine, request: () => Promise<unknown>): Promise<HostError> {
  const before = m.manager.snapshot();
  const acts = m.host.actions.acts.length;
  const error = await request().then(
    () => assert.fail('it was not refused'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof HostError, String(error));
  const { functions, vms, pools } = m.manager.snapshot();
  assert.deepEqual({ functions, vms, pools }, { functions: before.functions, vms: before.vms, pools: before.pools });
  assert.equal(m.host.actions.acts.length, acts);
  const [entry] = m.manager.audit({ limit: 1 }).entries;
  assert.deepEqual([entry?.outcome, entry?.code], ['refused', error.code]);
  return error;
}

test('requests that make no sense change nothing', async (t) => {
  const m = await startedMachine(t);
  const { manager } = m;
  await m.lend('web', nvme);
  await manager.createVm({ name: 'db', spec }, by);
  const cases: readonly (readonly [string, RegExp, () => Promise<unknown>])[] = [
    ['function-with-vm', /the VM web has it/, () => manager.add({ vm: 'db', function: nvme }, by)],
    ['already-lent', /has it already/, () => manager.add({ vm: 'web', function: nvme }, by)],
    ['not-lent', /the VM web has it/, () => manager.remove({ vm: 'db', function: nvme }, by)],
    ['not-lent', /no VM has it/, () => manager.remove({ vm: 'db', function: display }, by)],
    ['no-such-vm', /there is no VM mail/, () => manager.add({ vm: 'mail', function: nvme }, by)],
    ['no-such-vm', /there is no VM mail/, () => manager.remove({ vm: 'mail', function: nvme }, by)],
    ['no-such-vm', /there is no VM mail/, () => manager.stopVm({ name: 'mail' }, by)],
    ['no-such-vm', /there is no VM mail/, () => manager.type({ vm: 'mail', bytes: new Uint8Array(1) }, by)],
    ['no-such-function', /0000:7f:00\.0/, () => manager.add({ vm: 'web', function: '7f:00.0' }, by)],
    ['no-such-function', /0000:7f:00\.0/, () => manager.dismount({ functions: [display, '7f:00.0'] }, by)],
    ['no-such-function', /0000:7f:00\.0/, () => manager.mount({ functions: ['7f:00.0'] }, by)],
    ['not-an-endpoint', /a part of the machine/, () => manager.dismount({ functions: ['00:04.0'] }, by)],
    ['not-dismounted', /belongs to the host/, () => manager.add({ vm: 'web', function: display }, by)],
    ['function-with-vm', /dda remove web 0000:01:00\.0/, () => manager.mount({ functions: [nvme] }, by)],
    ['function-with-vm', /the VM web has it/, () => manager.dismount({ functions: [nvme] }, by)],
    ['not-quarantined', /is not in quarantine/, () => manager.releaseQuarantine({ function: nvme }, by)],
    ['vm-name-taken', /there is a VM web already/, () => manager.createVm({ name: 'web', spec }, by)],
    ['vm-name-malformed', /1 to 32 characters/, () => manager.createVm({ name: 'We b', spec }, by)],
    ['no-such-pool', /there is no pool fast/, () => manager.dismount({ functions: [display], pool: 'fast' }, by)],
    ['no-such-pool', /there is no pool fast/, () => manager.add({ vm: 'web', function: { pool: 'fast' } }, by)],
    ['nothing-free', /no free function/, () => manager.add({ vm: 'web', function: { pool: 'default' } }, by)],
    ['pool-name-malformed', /1 to 32 characters/, () => manager.createPool({ name: 'no/pool' }, by)],
    ['pool-name-taken', /a pool default already/, () => manager.createPool({ name: 'default' }, by)],
    ['pool-not-empty', /belong to it/, () => manager.removePool({ name: 'default' }, by)],
    [
      'deadline-malformed',
      /-1 is no deadline/,
      () => manager.remove({ vm: 'web', function: nvme, deadlineMs: -1 }, by),
    ],
    [
      'deadline-malformed',
      /NaN is no deadline/,
      () => manager.remove({ vm: 'web', function: nvme, deadlineMs: Number.NaN }, by),
    ],
  ];
  for (const [code, text, request] of cases) {
    const error = await refused(m, request);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, text);
  }
});

test('a text that is no address is told as that', async (t) => {
  const m = await startedMachine(t);
  await assert.rejects(m.manager.dismount({ functions: ['nvme0'] }, by), PciAddressError);
  assert.equal(m.manager.audit().entries[0]?.code, 'pci-address-malformed');
});

test('the boot disk is dismounted only by force, which says what breaks', async (t) => {
  const mounts = [{ source: '/dev/nvme0n1p1', at: '/' }];
  const m = await startedMachine(t, new FakeMachine(machineDescription({ mounts })));
  const error = await m.manager.dismount({ functions: [nvme] }, by).then(
    () => assert.fail('it was not refused'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof HostError);
  assert.equal(error.code, 'function-in-use');
  assert.equal(m.owner(nvme), 'host');
  assert.equal(m.host.actions.driverOf(nvme), 'nvme');
  const { warnings } = await m.manager.dismount({ functions: [nvme], force: true }, by);
  assert.match(warnings.join(' '), /\//);
  assert.equal(m.owner(nvme), 'pool');
});

test('of two who want the same function one gets it', async (t) => {
  const m = await startedMachine(t);
  await m.manager.createVm({ name: 'web', spec }, by);
  await m.manager.createVm({ name: 'db', spec }, by);
  await m.manager.dismount({ functions: [nvme] }, by);
  const wishes = await Promise.allSettled([
    m.manager.add({ vm: 'web', function: nvme }, by),
    m.manager.add({ vm: 'db', function: nvme }, by),
    m.manager.mount({ functions: [nvme] }, by),
  ]);
  assert.deepEqual(
    wishes.map((each) => (each.status === 'fulfilled' ? 'done' : (each.reason as HostError).code)),
    ['done', 'function-with-vm', 'function-with-vm'],
  );
  assert.equal(m.owner(nvme), 'lent web');
});

test('dismount and mount at the same time: the second is told to wait', async (t) => {
  const m = await startedMachine(t);
  const wishes = await Promise.allSettled([
    m.manager.dismount({ functions: [display] }, by),
    m.manager.dismount({ functions: [sound] }, by),
    m.manager.mount({ functions: [sound] }, by),
    m.manager.dismount({ functions: [nvme] }, by),
  ]);
  assert.deepEqual(
    wishes.map((each) => (each.status === 'fulfilled' ? 'done' : (each.reason as HostError).code)),
    ['done', 'operation-in-progress', 'operation-in-progress', 'done'],
  );
  assert.deepEqual([m.owner(display), m.owner(sound)], ['pool', 'pool']);
});

test('who asks for the same return again waits for the same end, and the earlier deadline counts', async (t) => {
  const m = await startedMachine(t);
  m.vms.behaviour = 'keeps';
  await m.lend('web', nvme);
  const first = m.manager.remove({ vm: 'web', function: nvme, deadlineMs: 60_000 }, by);
  const second = m.manager.remove({ vm: 'web', function: nvme, deadlineMs: 1_000, to: 'host' }, by);
  const third = m.manager.remove({ vm: 'web', function: nvme, deadlineMs: 90_000, to: 'host' }, by);
  await m.clock.pass(1_000);
  assert.deepEqual(
    (await Promise.all([first, second, third])).map(({ owner }) => owner.kind),
    ['host', 'host', 'host'],
  );
});

test('a function that is being lent can be taken back at once', async (t) => {
  const m = await startedMachine(t);
  m.vms.behaviour = 'silent';
  await m.manager.createVm({ name: 'web', spec }, by);
  await m.manager.dismount({ functions: [nvme] }, by);
  const adding = m.manager.add({ vm: 'web', function: nvme }, by);
  const failed = assert.rejects(adding, (error: HostError) => error.code === 'vm-gone');
  await settle();
  const removing = m.manager.remove({ vm: 'web', function: nvme }, by);
  await m.clock.pass(2_000);
  assert.equal((await removing).owner.kind, 'pool');
  await failed;
});

test('lending that the VM process refuses leaves the function in the pool, and says why', async (t) => {
  const m = await startedMachine(t);
  await m.manager.createVm({ name: 'web', spec }, by);
  await m.manager.dismount({ functions: [nvme] }, by);
  for (const handedOver of [false, true]) {
    const error = { code: 'vfio-memlock-too-low', message: 'not that much memory may be locked' };
    m.vm('web').lendFailure = { outcome: 'failed', handedOver, error };
    await assert.rejects(m.manager.add({ vm: 'web', function: nvme }, by), (refusal: HostError) => {
      assert.equal(refusal.code, 'lend-refused');
      assert.match(refusal.message, /not that much memory may be locked/);
      return true;
    });
    assert.equal(m.owner(nvme), 'pool');
  }
});

test('a VM whose process does not come up is no VM', async (t) => {
  const m = await startedMachine(t);
  m.vms.startError = new HostError('vm-refused', {
    asked: 'start web',
    obstacle: 'no memory.',
    remedy: 'Give it less.',
  });
  await assert.rejects(
    m.manager.createVm({ name: 'web', spec }, by),
    (error: HostError) => error.code === 'vm-refused',
  );
  assert.deepEqual(m.manager.snapshot().vms, []);
  m.vms.startError = undefined;
  await m.manager.createVm({ name: 'web', spec }, by);
});

test('after the end of the manager nothing is taken any more', async (t) => {
  const m = await startedMachine(t);
  m.vms.behaviour = 'keeps';
  await m.lend('web', nvme);
  const waiting = m.manager.remove({ vm: 'web', function: nvme }, by);
  const told = assert.rejects(waiting, (error: HostError) => error.code === 'manager-closing');
  await settle();
  const { manager } = m;
  await manager.close();
  await told;
  await assert.rejects(
    manager.mount({ functions: [nvme] }, by),
    (error: HostError) => error.code === 'manager-closing',
  );
  await m.start();
  await m.clock.pass(60_000);
  assert.equal(m.owner(nvme), 'pool');
  assert.equal(m.manager.audit().entries[0]?.outcome, 'pending');
});
