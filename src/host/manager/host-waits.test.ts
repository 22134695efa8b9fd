import assert from 'node:assert/strict';
import test from 'node:test';
import { by, display, nvme, startedMachine } from '../testing/fake-machine.ts';

test('the kernel’s log is a witness where the VM process is none', async (t) => {
  const m = await startedMachine(t);
  await m.lend('web', nvme);
  m.vm('web').behaviour = 'silent';
  m.tell({ kind: 'host-waits', function: nvme });
  // It is given the time to let go by itself first.
  await m.clock.pass(100);
  assert.deepEqual(m.vm('web').orders, [`lend ${nvme}`]);
  await m.clock.pass(2_050);
  assert.equal(m.owner(nvme), 'pool');
  assert.equal(m.vms.processes.size, 0);
});

test('while the kernel unplugs, the manager is not ahead of it, but where it must act', async (t) => {
  const m = await startedMachine(t);
  await m.lend('web', nvme);
  m.vm('web').behaviour = 'silent';
  m.tell({ kind: 'host-waits', function: nvme });
  assert.deepEqual(m.precedence.splice(0), ['gives way for 600 ms']);
  await m.clock.pass(150);
  assert.deepEqual(m.precedence.splice(0), ['comes first']);
  await m.clock.pass(100);
  assert.deepEqual(m.precedence.splice(0), ['gives way for 600 ms']);
  await m.lend('mail', display);
  m.vm('mail').behaviour = 'silent';
  m.vm('mail').hasStopped = true;
  m.tell({ kind: 'host-waits', function: display });
  assert.deepEqual(m.precedence.splice(0), ['gives way for 600 ms', 'comes first']);
});

test('what the kernel’s log said of a loan takes nothing of the next one', async (t) => {
  const m = await startedMachine(t);
  await m.lend('web', nvme);
  m.tell({ kind: 'host-waits', function: nvme });
  await m.manager.remove({ vm: 'web', function: nvme }, by);
  await m.manager.add({ vm: 'web', function: nvme }, by);
  await m.clock.pass(1_000);
  assert.equal(m.owner(nvme), 'lent web');
});

test('a VM process that is stopped gets no time to confirm', async (t) => {
  const m = await startedMachine(t);
  await m.lend('web', nvme);
  m.vm('web').behaviour = 'silent';
  m.vm('web').hasStopped = true;
  m.tell({ kind: 'host-waits', function: nvme });
  await m.clock.pass(50);
  assert.equal(m.owner(nvme), 'pool');
  assert.equal(m.vms.processes.size, 0);
});
