import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { dda, driverOf, first, until } from '../../host/in-rig/rig-functions.ts';
import { assertAllHome, cli, guest, guestScript, readyGuest, VmProcess, waitForDisk } from './vm-process.ts';

const privately = ['--private-daemon', '--name', 'mine', '--device', first];
const readDisk = guestScript('read-disk', `${waitForDisk}; dd if=/dev/nvme0n1 of=/dev/null bs=1M count=1 && echo read`);

/** Private daemons leave nothing: no directory, no process of theirs, nothing dismounted. */
function assertNothingLeft(): void {
  assert.deepEqual(
    readdirSync('/tmp').filter((name) => name.startsWith('dda-private-')),
    [],
  );
  assert.deepEqual([daemons(), vmProcesses()], [[], []]);
  assertAllHome();
}

test('a guest reads its disk in a process without privileges; everything is home in the end', async () => {
  const vm = new VmProcess([...guest, ...privately, '--run', readDisk]);
  await vm.says(/dda-guest: up/);
  const [process] = vmProcesses();
  assert.match(status(process ?? 0), /^Uid:\t19\d{8}\t19\d{8}/m);
  assert.match(status(process ?? 0), /^CapEff:\t0+$/m);
  assert.equal(await vm.ended, 0, vm.output + vm.notices);
  assert.match(vm.output, /^read/m);
  assert.match(vm.notices, /0000:01:00\.0 lent to the guest/);
  assert.match(vm.notices, /Gave 0000:01:00\.0 back to the host\./);
  assert.match(vm.notices, /VM mine: the guest powered off/);
  assertNothingLeft();
});

test('what was dismounted before stays so', async () => {
  const dismounted = await dda('dismount', first);
  assert.equal(dismounted.exitCode, 0, dismounted.notices);
  const vm = new VmProcess([...guest, ...privately, '--run', readDisk]);
  assert.equal(await vm.ended, 0, vm.output + vm.notices);
  assert.equal(driverOf(first), 'vfio-pci');
  assert.equal((await dda('mount', first)).exitCode, 0);
  assertNothingLeft();
});

test('Ctrl-C, and a second daemon while it runs', async () => {
  const vm = new VmProcess([...readyGuest, ...privately, '--json']);
  await vm.says(/"event":"lent"/);
  const other = new VmProcess([...readyGuest, '--private-daemon', '--json']);
  assert.equal(await other.ended, 4, other.output + other.notices);
  assert.equal(other.failure().code, 'daemon-running');
  vm.child.kill('SIGINT');
  assert.equal(await vm.ended, 130, vm.output + vm.notices);
  assert.equal(vm.failure().code, 'interrupted');
  assertNothingLeft();
});

test('the command is killed: its daemon gives everything back by itself', async () => {
  const vm = new VmProcess([...readyGuest, ...privately, '--json']);
  await vm.says(/"event":"lent"/);
  vm.child.kill('SIGKILL');
  await vm.ended;
  await until('it is home', () => (daemons().length === 0 ? true : undefined));
  assertNothingLeft();
});

test('the daemon is killed: the command starts it once more, to give everything back', async () => {
  const vm = new VmProcess([...readyGuest, ...privately, '--json']);
  await vm.says(/"event":"lent"/);
  for (const daemon of daemons()) process.kill(daemon, 'SIGKILL');
  assert.equal(await vm.ended, 6, vm.output + vm.notices);
  assert.equal(vm.failure().code, 'daemon-unreachable');
  assertNothingLeft();
});

test('the demo, whose guest is such a process', async () => {
  const files = ['--kernel', guest[1] ?? '', '--modules', guest[3] ?? ''];
  const demo = ['demo', '--device', first, '--erase', '--json', '--private-daemon', ...files];
  const shown = new VmProcess([], [process.execPath, cli, ...demo]);
  assert.equal(await shown.ended, 0, shown.output + shown.notices);
  const { ok, bytesVerifiedOnHost, userspaceExitsPerIo, interrupts } = JSON.parse(shown.output) as Record<
    string,
    unknown
  >;
  assert.deepEqual([ok, bytesVerifiedOnHost, userspaceExitsPerIo], [true, 16 * 1024 ** 2, 0]);
  assert.ok(Number(interrupts) >= 2000, String(interrupts));
  // KVM counted the exits of the VM process, and not only nothing.
  assert.match(shown.notices, /KVM's own tracepoint counted 0/);
  assert.match(shown.notices, /VM processes of the daemon that still run: 0/);
  assertNothingLeft();
});

function daemons(): number[] {
  return processes((commandLine) => commandLine.includes('serve') && commandLine.includes('--private'));
}

function vmProcesses(): number[] {
  return processes((commandLine) => commandLine.some((word) => /vm-process\.[jt]s$/.test(word)));
}

function processes(fits: (commandLine: readonly string[]) => boolean): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((id) => fits(commandLineOf(id)));
}

function commandLineOf(processId: number): string[] {
  try {
    return readFileSync(`/proc/${processId}/cmdline`, 'utf8').split('\0');
  } catch (error) {
    // It has ended since.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

function status(processId: number): string {
  return readFileSync(`/proc/${processId}/status`, 'utf8');
}
