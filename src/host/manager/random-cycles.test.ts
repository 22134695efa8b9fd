import assert from 'node:assert/strict';
import test from 'node:test';
import * as fc from 'fast-check';
import type { Behaviour } from '../testing/fake-vm-port.ts';
import { by, display, FakeMachine, nvme, otherVirtual, sound, spec, virtual } from '../testing/fake-machine.ts';

const functions = [nvme, display, sound, virtual, otherVirtual];
const vms = ['db', 'mail', 'web'];

/** One lending and taking back, and what goes wrong meanwhile. */
const cycle = fc.record({
  vm: fc.constantFrom(...vms),
  name: fc.constantFrom(...functions),
  behaviour: fc.constantFrom<Behaviour>('cooperates', 'cooperates', 'keeps', 'silent', 'lies'),
  mishap: fc.constantFrom(
    'none',
    'none',
    'process dies',
    'panic',
    'reset fails',
    'host waits',
    'manager restarts',
    'stop',
  ),
  to: fc.constantFrom<'pool' | 'host'>('pool', 'pool', 'host'),
  deadlineMs: fc.constantFrom(0, 1_000, 60_000),
});
type Cycle = typeof cycle extends fc.Arbitrary<infer T> ? T : never;

async function go(m: FakeMachine, { vm, name, behaviour, mishap, to, deadlineMs }: Cycle): Promise<void> {
  const { sabotage } = m.host.actions;
  // Any of these may be refused, for what earlier cycles left behind; nothing may hang or get lost.
  const attempt = async (request: Promise<unknown>): Promise<void> => {
    const settled = request.catch(() => undefined);
    await Promise.all([settled, m.clock.pass(700_000)]);
  };
  m.vms.behaviour = behaviour;
  if (!m.vms.processes.has(vm)) await attempt(m.manager.createVm({ name: vm, spec }, by));
  await attempt(m.manager.releaseQuarantine({ function: name }, by));
  await attempt(m.manager.dismount({ functions: [name] }, by));
  await attempt(m.manager.add({ vm, function: name }, by));
  const process = m.vms.processes.get(vm);
  if (mishap === 'reset fails') {
    m.host.actions.sabotage = ({ path, value }) =>
      path.endsWith(`${name}/reset`)
        ? { outcome: 'failed', code: 'ENOTTY', text: 'Inappropriate ioctl for device' }
        : m.watchWrite(path, value);
  }
  const removing = m.manager.remove({ vm, function: name, deadlineMs, to }, by).catch(() => undefined);
  if (mishap === 'process dies') process?.end({ exitCode: undefined, signal: 'SIGSEGV' });
  if (mishap === 'panic') process?.say({ kind: 'crashed', report: 'panic' });
  if (mishap === 'host waits') m.tell({ kind: 'host-waits', function: name });
  if (mishap === 'manager restarts') await m.restart();
  if (mishap === 'stop') await attempt(m.manager.stopVm({ name: vm }, by));
  await Promise.all([removing, m.clock.pass(700_000)]);
  m.host.actions.sabotage = sabotage;
  assert.deepEqual(m.violations, []);
  for (const fn of m.manager.snapshot().functions) {
    assert.ok(['host', 'pool', 'lent', 'quarantine'].includes(fn.owner.kind), `${fn.name} is still ${fn.owner.kind}`);
  }
}

test('200 cycles over three VMs, with whatever goes wrong: in the end every function is home', async (t) => {
  const cycles = fc.sample(cycle, { numRuns: 200, seed: 2_026 });
  const m = new FakeMachine();
  t.after(() => m.dispose());
  await m.start();
  const seen = new Map<string, number>();
  for (const each of cycles) {
    await go(m, each);
    const where = m.owner(each.name).split(' ').slice(0, 1).join('');
    seen.set(where, (seen.get(where) ?? 0) + 1);
  }
  t.diagnostic(JSON.stringify(Object.fromEntries(seen)));
  for (const { name } of m.manager.snapshot().vms) {
    await Promise.all([m.manager.stopVm({ name, force: true }, by), m.clock.pass(20_000)]);
  }
  for (const { name, owner } of m.manager.snapshot().functions) {
    if (owner.kind === 'quarantine') await m.manager.releaseQuarantine({ function: name }, by);
  }
  for (const name of functions) await m.manager.mount({ functions: [name] }, by);
  for (const { name } of m.manager.snapshot().functions) {
    assert.equal(m.owner(name), 'host');
    assert.ok(!['vfio-pci', undefined].includes(m.host.actions.driverOf(name)), name);
    assert.equal(m.host.actions.overrideOf(name), undefined);
  }
  assert.equal(m.host.records.dismounted.size, 0);
  assert.deepEqual(m.host.actions.heldNodes, new Set());
  assert.deepEqual(m.violations, []);
});
