import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommandLine } from './command-line.ts';
import { RigErrorCode } from './rig-error.ts';

test('the first word that is no option begins the command', () => {
  const line = parseCommandLine(['--memory', '2048', '--nvme=3', 'ls', '--memory', '1']);
  assert.deepEqual(line, {
    help: false,
    options: { memoryMib: 2048, nvmeControllers: 3 },
    events: [],
    argv: ['ls', '--memory', '1'],
  });
});

test('-- begins the command too, once', () => {
  assert.deepEqual(parseCommandLine(['--', '--cpus', '--']).argv, ['--cpus', '--']);
});

test('every option has its meaning', () => {
  const { options } = parseCommandLine(
    '--memory 1024 --cpus 2 --nvme 0 --igb 2 --no-iommu --kernel 6.12 --qemu /opt/q x'.split(' '),
  );
  assert.deepEqual(options, {
    memoryMib: 1024,
    cpus: 2,
    nvmeControllers: 0,
    networkCards: 2,
    iommu: false,
    kernel: '6.12',
    qemu: '/opt/q',
  });
});

test('a device that is plugged before it is unplugged is absent at boot', () => {
  const { events, options } = parseCommandLine(
    '--unplug-after 2.5:nvme0 --plug-after 4:nvme0 --unplug-after 9:nvme1 --plug-after 1:nvme1 x'.split(' '),
  );
  assert.deepEqual(options, { absent: ['nvme1'] });
  assert.deepEqual(events[0], { action: 'unplug', afterSeconds: 2.5, deviceId: 'nvme0' });
  assert.equal(events.length, 4);
});

test('--help stands alone', () => {
  assert.equal(parseCommandLine(['--help']).help, true);
});

for (const [words, problem] of [
  ['', /no command/],
  ['--memory 12', /no command/],
  ['--memory', /--memory needs a value/],
  ['--memory 1G x', /--memory is '1G'; it must be a whole number/],
  ['--cpus 0 x', /at least 1/],
  ['--kernel 5.10 x', /it can be 6.1 or 6.12/],
  ['--unplug-after nvme0 x', /SECONDS:DEVICE/],
  ['--verbose x', /no option --verbose/],
] as const) {
  test(`'${words}' is refused`, () => {
    assert.throws(() => parseCommandLine(words.split(' ').filter((word) => word !== '')), {
      code: RigErrorCode.badOption,
      message: problem,
    });
  });
}
