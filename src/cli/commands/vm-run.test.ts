import assert from 'node:assert/strict';
import test from 'node:test';
import { fakeHost, nvmeHost } from '../../host/testing/index.ts';
import { runCli } from '../testing/run-cli.ts';

for (const [what, args, exitCode, told] of [
  ['a size without unit', ['--memory', '2048'], 2, /'2048' is invalid\. It is a number and a unit: 512M, 2G\./],
  ['too many CPUs', ['--cpus', '17'], 2, /whole number from 1 to 16/],
  ['a vPCI version that is none', ['--vpci-version', '1.5'], 2, /one of 1\.1, 1\.2, 1\.3, 1\.4/],
  ['a VMBus version that is none', ['--vmbus-version', '1.1'], 2, /one of 2\.4, .*6\.0/],
  ['an unknown way to reset', ['--on-reset', 'explode'], 2, /Allowed choices are stop, restart/],
  ['a bad name', ['--name', 'My VM'], 2, /\[vm-name-malformed\]/],
  ['a malformed address', ['--device', '1:0'], 2, /\[pci-address-malformed\]/],
  ['no such function', ['--device', '09:00.0'], 3, /\[no-such-function\]: Can't lend 0000:09:00\.0/],
  ['a disk that is not there', ['--disk', '/nowhere/data.img,ro'], 3, /\[file-unreadable\]: Can't use \/nowhere/],
  ['a disk that is no file', ['--disk', '/dev/null'], 5, /\[disk-malformed\].*no ordinary file/],
  ['a script for an initramfs that is used as it is', ['--initrd', 'a', '--run', 'b'], 2, /\[options-conflict\]/],
] as const) {
  test(what, async () => {
    const host = fakeHost(nvmeHost());
    const { notices, ...result } = await runCli(host, ['vm', 'run', ...args]);
    assert.equal(result.exitCode, exitCode, notices);
    assert.match(notices, told);
    assert.equal(host.actions.driverOf('0000:01:00.0'), 'nvme');
  });
}

test('a KVM that runs no guests is told first, in its own words', async () => {
  const host = fakeHost(nvmeHost());
  const guests = { runs: false, sentence: 'There is no /dev/kvm.' } as const;
  const { exitCode, notices } = await runCli(host, ['vm', 'run', '--device', '01:00.0'], { guests });
  assert.equal(exitCode, 5);
  assert.equal(notices, 'error [kvm-missing]: There is no /dev/kvm.\n');
  assert.equal(host.actions.driverOf('0000:01:00.0'), 'nvme');
});

test('a kernel that is not there', async () => {
  const { exitCode, notices } = await runCli(fakeHost(nvmeHost()), ['vm', 'run', '--kernel', '/nowhere/vmlinuz']);
  assert.equal(exitCode, 3);
  assert.match(notices, /\[kernel-unreadable\]: The kernel \/nowhere\/vmlinuz can't be read/);
});
