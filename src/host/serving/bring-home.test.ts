import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import type { HostError } from '../errors.ts';
import {
  by,
  display,
  type FakeMachine,
  nvme,
  sound,
  spec,
  startedMachine,
  unresettable,
  virtual,
} from '../testing/fake-machine.ts';
import { BORROWED_POOL, bringHome } from './bring-home.ts';

async function machine(t: TestContext): Promise<FakeMachine> {
  const made = await startedMachine(t);
  await made.manager.createPool({ name: BORROWED_POOL }, by);
  return made;
}

async function borrow(m: FakeMachine, vm: string, ...functions: string[]): Promise<void> {
  await m.manager.createVm({ name: vm, spec }, by);
  await m.manager.dismount({ functions, pool: BORROWED_POOL }, by);
  for (const name of functions) await m.manager.add({ vm, function: name }, by);
}

test('VMs are ended, and what was borrowed goes home, groups as one; what was dismounted for good stays so', async (t) => {
  const m = await machine(t);
  await borrow(m, 'web', nvme, display);
  await borrow(m, 'db');
  await m.manager.dismount({ functions: [virtual] }, by);
  await bringHome(m.manager, by);
  assert.deepEqual(m.manager.snapshot().vms, []);
  assert.deepEqual(
    [nvme, display, sound, virtual].map((name) => m.owner(name)),
    ['host', 'host', 'host', 'pool'],
  );
  assert.deepEqual(
    [nvme, display, sound, virtual].map((name) => m.host.actions.driverOf(name)),
    ['nvme', 'amdgpu', 'snd_hda_intel', 'vfio-pci'],
  );
  assert.deepEqual(m.violations, []);
});

test('what can not go home keeps nobody else, and is told with the reason', async (t) => {
  const m = await machine(t);
  await borrow(m, 'web', nvme, unresettable, virtual);
  m.host.actions.sabotage = ({ path, value }) =>
    path.endsWith('/drivers/vfio-pci/unbind') && value === virtual
      ? { outcome: 'failed', code: 'EIO', text: 'Input/output error' }
      : undefined;
  await assert.rejects(bringHome(m.manager, by), (error: HostError) => {
    assert.equal(error.code, 'functions-left');
    assert.deepEqual(error.details['functions'], [virtual, unresettable]);
    assert.match(
      error.message,
      /0000:03:10\.0 is in the pool: .*Input\/output error.*; 0000:04:00\.0 is in quarantine \(no-reset\)/,
    );
    assert.match(error.message, /dda mount 0000:03:10\.0 0000:04:00\.0$/);
    return true;
  });
  assert.equal(m.owner(nvme), 'host');
});
