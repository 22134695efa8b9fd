import assert from 'node:assert/strict';
import { test } from 'node:test';
import { first } from '../../host/in-rig/rig-functions.ts';
import { assertAllHome, bzImage, guest, guestScript, VmProcess, waitForDisk } from './vm-process.ts';

test('a script uses the device, and its exit code is told', async () => {
  const script = guestScript(
    'use-disk',
    `${waitForDisk}
    echo written-by-guest | dd of=/dev/nvme0n1 bs=512 count=1 conv=sync oflag=direct 2>/dev/null
    dd if=/dev/nvme0n1 bs=512 count=1 iflag=direct 2>/dev/null | head -n 1
    exit 7`,
  );
  const vm = new VmProcess([...guest, '--cpus', '2', '--device', first, '--run', script, '--json']);
  assert.equal(await vm.ended, 9, vm.output + vm.notices);
  assert.match(vm.consoleText(), /^written-by-guest\r?$/m);
  const events = vm.events();
  const kinds = events.map((event) => event['event']);
  for (const kind of ['step', 'started', 'lent', 'console', 'notice', 'ended']) assert.ok(kinds.includes(kind), kind);
  const started = events.find((event) => event['event'] === 'started');
  assert.deepEqual([started?.['vcpus'], started?.['memoryBytes']], [2, 384 * 2 ** 20]);
  const [ended] = events.slice(-2);
  assert.deepEqual([ended?.['reason'], ended?.['scriptExitCode'], ended?.['restarts']], ['power-off', 7, 0]);
  assert.equal(vm.failure().code, 'guest-script-failed');
  assertAllHome();
});

test('a reset starts the guest again with the same device', async () => {
  const script = guestScript(
    'reset-once',
    `${waitForDisk}
    if [ "$(dd if=/dev/nvme0n1 bs=512 count=1 skip=8 iflag=direct 2>/dev/null | head -c 5)" = again ]; then
      echo second-start; exit 0
    fi
    echo again | dd of=/dev/nvme0n1 bs=512 count=1 seek=8 conv=sync oflag=direct 2>/dev/null
    echo first-start; reboot -f`,
  );
  const vm = new VmProcess([...guest, '--device', first, '--run', script, '--on-reset', 'restart']);
  assert.equal(await vm.ended, 0, vm.output + vm.notices);
  assert.match(vm.output, /first-start[^]*second-start/);
  assert.match(vm.notices, /starting again after a reset/);
  assertAllHome();
});

test('a panic is told in the words of the guest, with an exit code of its own', async () => {
  const script = guestScript('panic', `${waitForDisk}\necho c >/proc/sysrq-trigger; sleep 60`);
  // The kernel as it is installed: it unpacks itself, and its modules are found beside it.
  const kernel = ['--kernel', bzImage, '--kaslr', '--memory', '384M'];
  const vm = new VmProcess([...kernel, '--device', first, '--run', script, '--json']);
  assert.equal(await vm.ended, 8, vm.output + vm.notices);
  const events = vm.events();
  const crashed = events.find((event) => event['event'] === 'crashed');
  assert.match(String(crashed?.['message']), /Kernel panic - not syncing: sysrq triggered crash/);
  const error = vm.failure();
  assert.equal(error.code, 'guest-panicked');
  assert.match(error.message, /the guest panicked: .*sysrq triggered crash/);
  assertAllHome();
});
