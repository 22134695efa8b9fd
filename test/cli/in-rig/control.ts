import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import { dda, driverOf, first, second } from '../../host/in-rig/rig-functions.ts';
import { assertAllHome, ddaWithConsole, readyGuest, VmProcess } from './vm-process.ts';

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { output, notices } = await dda(...args, '--json');
  assert.notEqual(output, '', notices);
  return JSON.parse(output) as Record<string, unknown>;
}

function codeOf(reply: Record<string, unknown>): string {
  return (reply['error'] as { code: string }).code;
}

test('functions come to a running guest, and go, by order of other processes', async () => {
  const vm = new VmProcess([...readyGuest, '--name', 'lab', '--device', first]);
  await vm.says(/modules loaded/);
  const waitDisks = (count: number): string =>
    `n=0; while [ $(ls /dev | grep -c 'nvme.n1$') != ${count} ] && [ $n -lt 600 ]; do usleep 50000; n=$((n+1)); done; echo disks=$(ls /dev | grep -c 'nvme.n1$')`;
  vm.type(waitDisks(1));
  let at = await vm.says(/^disks=1/m);

  const [listed] = (await json('vm', 'list'))['vms'] as Record<string, unknown>[];
  assert.deepEqual(
    { ...listed, processId: 0, startedAt: '', exits: 0, kernel: '' },
    {
      name: 'lab',
      state: 'running',
      processId: 0,
      startedAt: '',
      kernel: '',
      memoryBytes: 384 * 2 ** 20,
      vcpus: 1,
      functions: [first],
      exits: 0,
    },
  );
  assert.equal(listed?.['processId'], vm.child.pid);
  assert.equal(statSync('/run/dda/vms/lab.sock').mode & 0o777, 0o600);

  assert.equal((await json('vm', 'add', 'lab', second))['function'], second);
  assert.equal(driverOf(second), 'vfio-pci');
  vm.type(waitDisks(2));
  at = await vm.says(/^disks=2/m, at);

  // What the VM refuses reads the same here as there.
  const again = await dda('vm', 'add', second);
  assert.equal(again.exitCode, 4);
  assert.match(again.notices, /^error \[already-lent\]: Can't lend .*: This VM has it already\./);

  // The guest has both disks idle: it answers.
  assert.deepEqual((await json('vm', 'eject', second, '--deadline', '120s'))['outcome'], 'ejected');
  assert.equal(driverOf(second), 'nvme');
  vm.type(waitDisks(1));
  at = await vm.says(/^disks=1/m, at);
  assert.equal(codeOf(await json('vm', 'eject', second)), 'not-lent');

  assert.equal((await json('vm', 'rescind', first))['ok'], true);
  assert.equal(driverOf(first), 'nvme');
  vm.type(waitDisks(0));
  at = await vm.says(/^disks=0/m, at);

  await json('vm', 'add', first);
  vm.type(waitDisks(1));
  await vm.says(/^disks=1/m, at);

  const twin = await ddaWithConsole('vm', 'run', ...readyGuest, '--name', 'lab', '--device', second);
  assert.equal(twin.exitCode, 4);
  assert.match(twin.notices, /\[vm-name-taken\]/);
  assert.equal(driverOf(second), 'nvme');

  const stopped = await json('vm', 'stop', 'lab');
  assert.deepEqual(stopped, { ok: true, name: 'lab' });
  // It answers when all is back, not before.
  assertAllHome();
  assert.equal(await vm.ended, 0, vm.notices);
  assert.match(vm.notices, /the VM was stopped/);
  assert.equal(codeOf(await json('vm', 'stop', 'lab')), 'no-such-vm');
});

test('the end of piped input ends the shell, and with it the VM', async () => {
  const vm = new VmProcess([...readyGuest, '--device', first]);
  vm.child.stdin?.end('echo in-guest-$((6*7))\n');
  assert.equal(await vm.ended, 0, vm.output + vm.notices);
  assert.match(vm.output, /^in-guest-42/m);
  assertAllHome();
});
