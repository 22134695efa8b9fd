import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { diskOf, driverOf, first, run } from '../../host/in-rig/rig-functions.ts';
import { assertAllHome, cli, ddaWithConsole, guest, readyGuest, VmProcess } from './vm-process.ts';

const [, kernel = '', , modules = ''] = guest;

type Expected = readonly [exitCode: number, code: string];

/** In this process: a Node of its own takes seconds to start here. */
async function assertRefused(args: readonly string[], expected: Expected, told: RegExp): Promise<void> {
  const { exitCode, output, notices } = await ddaWithConsole('vm', 'run', ...args, '--json');
  assertRefusal({ exitCode, output, notices }, expected, told);
}

/** In another process, which `before` starts with fewer rights. */
async function assertRefusedAs(
  before: readonly string[],
  args: readonly string[],
  expected: Expected,
  told: RegExp,
): Promise<void> {
  const vm = new VmProcess([], [...before, process.execPath, cli, 'vm', 'run', ...args, '--json']);
  const exitCode = await vm.ended;
  assertRefusal({ exitCode, output: vm.output, notices: vm.notices }, expected, told);
}

function assertRefusal(
  { exitCode, output, notices }: { exitCode: number | null; output: string; notices: string },
  [expectedExitCode, code]: Expected,
  told: RegExp,
): void {
  assert.equal(exitCode, expectedExitCode, notices + output);
  const last = JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as {
    ok: boolean;
    error: { code: string; message: string };
  };
  assert.deepEqual([last.ok, last.error.code], [false, code]);
  assert.match(last.error.message, told);
  assert.ok(notices.includes(`[${code}]`), notices);
}

test('no such device', async () => {
  await assertRefused([...guest, '--device', '0f:00.0'], [3, 'no-such-function'], /no PCI function 0000:0f:00\.0/);
});

test('no kernel given, and the host has none as a file', async () => {
  await assertRefused([], [3, 'guest-kernel-missing'], /there is no \/boot\/vmlinuz-/);
});

test('no such kernel', async () => {
  await assertRefused(
    ['--kernel', '/tmp/none', '--modules', modules],
    [3, 'kernel-unreadable'],
    /\/tmp\/none can't be read/,
  );
});

test('a file that is no kernel', async () => {
  writeFileSync('/tmp/text', 'no kernel at all\n'.repeat(1000));
  await assertRefused(['--kernel', '/tmp/text', '--modules', modules], [5, 'kernel-not-bzimage'], /bzImage/);
});

test('modules without Hyper-V drivers', async () => {
  mkdirSync('/tmp/modules/kernel', { recursive: true });
  writeFileSync('/tmp/modules/kernel/nvme.ko', '');
  await assertRefused(
    ['--kernel', kernel, '--modules', '/tmp/modules', '--device', first],
    [5, 'modules-no-hyperv-drivers'],
    /hv_vmbus and pci_hyperv not found/,
  );
});

test('no such modules directory', async () => {
  await assertRefused(
    ['--kernel', kernel, '--modules', '/tmp/none'],
    [3, 'modules-tree'],
    /\/tmp\/none is no kernel modules directory/,
  );
});

test('no such initramfs', async () => {
  await assertRefused(['--kernel', kernel, '--initrd', '/tmp/none'], [3, 'file-unreadable'], /--initrd \/tmp\/none/);
});

test('more memory than the host has, and too little', async () => {
  await assertRefused(
    [...readyGuest, '--memory', '64G', '--device', first],
    [5, 'memory-exceeds-host'],
    /the whole host has \d+ MiB/,
  );
  await assertRefused([...readyGuest, '--memory', '64M', '--device', first], [5, 'memory-too-small'], /./);
  assertAllHome();
});

test('a mounted file system', async () => {
  const node = `/dev/${await diskOf(first)}`;
  mkdirSync('/tmp/mounted', { recursive: true });
  run('modprobe', 'ext4');
  run('mkfs.ext4', '-q', '-F', node, '65536');
  run('mount', node, '/tmp/mounted');
  await assertRefused([...guest, '--device', first], [4, 'function-in-use'], /is mounted at \/tmp\/mounted/);
  run('umount', '/tmp/mounted');
  assertAllHome();
});

test('a group with a function that the host uses: it is named', async () => {
  run('modprobe', 'i2c-i801');
  const [sata, smbus] = ['0000:00:1f.2', '0000:00:1f.3'];
  await assertRefused([...guest, '--device', sata], [4, 'group-not-viable'], new RegExp(smbus));
  assert.equal(driverOf(smbus), 'i801_smbus');
});

test('a bridge', async () => {
  await assertRefused([...guest, '--device', '00:10.0'], [5, 'not-an-endpoint'], /part of the machine itself/);
});

test('memory that may not be locked', async () => {
  const poor = ['setpriv', '--bounding-set', '-sys_resource,-ipc_lock', 'prlimit', '--memlock=8388608:8388608'];
  await assertRefusedAs(poor, [...readyGuest, '--device', first], [5, 'vfio-memlock-too-low'], /ulimit -l/);
  assertAllHome();
});

test('a processor without virtualization', async () => {
  writeFileSync('/tmp/cpuinfo', 'processor\t: 0\nflags\t\t: fpu sse2\n');
  run('mount', '--bind', '/tmp/cpuinfo', '/proc/cpuinfo');
  await assertRefused(
    [...guest, '--device', first],
    [5, 'kvm-no-virtualization'],
    /neither VMX \(Intel\) nor SVM \(AMD\)/,
  );
  run('umount', '/proc/cpuinfo');
});

test('no /dev/kvm, and one that may not be opened', async () => {
  const nobody = ['setpriv', '--reuid', '65534', '--clear-groups'];
  run('chmod', '600', '/dev/kvm');
  await assertRefusedAs(nobody, guest, [7, 'kvm-no-permission'], /may not be opened by this user/);
  renameSync('/dev/kvm', '/dev/kvm-away');
  await assertRefused(guest, [5, 'kvm-missing'], /There is no \/dev\/kvm/);
  renameSync('/dev/kvm-away', '/dev/kvm');
  rmSync('/tmp/text', { force: true });
  assertAllHome();
});
