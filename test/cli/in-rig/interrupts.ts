import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { dda, driverOf, first } from '../../host/in-rig/rig-functions.ts';
import { assertAllHome, cli, readyGuest, VmProcess } from './vm-process.ts';

for (const [moment, pattern, signal] of [
  ['while the function is being dismounted', /"event":"step"/, 'SIGINT'],
  ['while the VM starts', /"event":"started"/, 'SIGTERM'],
  ['as soon as the function is lent', /"event":"lent"/, 'SIGINT'],
  ['while the guest loads its drivers', /dda-guest: up/, 'SIGHUP'],
] as const) {
  test(`${signal} ${moment} gives it back`, async () => {
    const vm = new VmProcess([...readyGuest, '--device', first, '--json']);
    await vm.says(pattern);
    vm.child.kill(signal);
    assert.equal(await vm.ended, 130, vm.output + vm.notices);
    assert.equal(vm.failure().code, 'interrupted');
    assertAllHome();
  });
}

test('Ctrl-C on a terminal ends the VM while the guest waits at its prompt; the terminal is as it was', async () => {
  const words = ['vm', 'run', ...readyGuest, '--device', first].join(' ');
  const command = `${process.execPath} ${cli} ${words}; echo code=$?; stty -a`;
  const vm = new VmProcess([], ['script', '--quiet', '--return', '--command', command, '/dev/null']);
  await vm.says(/ # /);
  // A key that isn't Ctrl-C goes to the guest.
  vm.type('echo typed-$((6*7))');
  await vm.says(/typed-42/);
  vm.child.stdin?.write('\x03');
  await vm.says(/code=130/);
  await vm.ended;
  assert.match(vm.output, /^isig icanon iexten echo /m);
  assert.match(vm.output, /SIGINT: ending, and giving the functions back/);
  assertAllHome();
});

test('killed in the middle: the next commands clear up', async () => {
  const vm = new VmProcess([...readyGuest, '--name', 'dead', '--device', first, '--json']);
  await vm.says(/"event":"lent"/);
  vm.child.kill('SIGKILL');
  await vm.ended;
  assert.equal(driverOf(first), 'vfio-pci');
  assert.ok(existsSync('/run/dda/vms/dead.sock'));
  const list = await dda('vm', 'list', '--json');
  assert.deepEqual(JSON.parse(list.output), { vms: [] });
  const home = await dda('mount', first);
  assert.equal(home.exitCode, 0, home.notices);
  assertAllHome();
});
