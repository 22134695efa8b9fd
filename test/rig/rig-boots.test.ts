/** The rig is a whole Linux host that can assign devices, and runs commands as a host would. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { REPOSITORY, type Rig, RigErrorCode, bootRig } from '../../rig/index.ts';

const NVME_DRIVER = '/sys/bus/pci/drivers/nvme';
let rig: Rig;

before(async () => {
  rig = await bootRig({ nvmeControllers: 2 });
});
after(() => rig.stop());

const shell = async (script: string): Promise<string> => {
  const { exitCode, stdout, stderr } = await rig.run(['sh', '-c', script]);
  assert.equal(exitCode, 0, stderr);
  return stdout.trim();
};

/** Waits for something that the rig's kernel does in its own time. */
const eventually = (condition: string): Promise<string> =>
  shell(
    `for i in $(seq 100); do ${condition} && exit 0; sleep 0.1; done; echo 'not in 10 s: ${condition}' >&2; exit 1`,
  );

test('KVM, VFIO and the IOMMU are there', async () => {
  assert.equal(await shell('test -c /dev/kvm && test -c /dev/vfio/vfio && echo there'), 'there');
  assert.equal(await shell('grep -cwE "svm|vmx" /proc/cpuinfo'), '1');
  const group = await shell('readlink /sys/bus/pci/devices/0000:01:00.0/iommu_group');
  assert.match(group, /\/kernel\/iommu_groups\/\d+$/);
  assert.equal(await shell('ls -d /sys/bus/pci/devices/0000:01:00.0/iommu_group/devices/* | wc -l'), '1');
});

test('the controllers are on the kernel’s own driver, with a namespace each', async () => {
  assert.equal(await shell(`cd ${NVME_DRIVER} && echo 0000:*`), '0000:01:00.0 0000:02:00.0');
  await eventually('test -b /dev/nvme0n1 -a -b /dev/nvme1n1');
});

test('a controller makes virtual functions', async () => {
  await shell('echo 2 >/sys/bus/pci/devices/0000:02:00.0/sriov_numvfs');
  assert.equal(await shell('ls -d /sys/bus/pci/devices/0000:02:00.0/virtfn* | wc -l'), '2');
  await shell('echo 0 >/sys/bus/pci/devices/0000:02:00.0/sriov_numvfs');
});

test('it runs this checkout with this Node, and may change it without anyone noticing', async () => {
  assert.equal(await shell('pwd'), REPOSITORY);
  assert.equal(await shell('node --version'), process.version);
  const written = `${REPOSITORY}/written-in-the-rig`;
  await shell(`echo x >${written} && cat ${written}`);
  await assert.rejects(
    import('node:fs/promises').then((fs) => fs.access(written)),
    { code: 'ENOENT' },
  );
});

test('its memory lock limit is the kernel’s default, its loopback is up, its modules load', async () => {
  assert.equal(await shell('ulimit -l'), '8192');
  assert.equal(await shell('cat /sys/class/net/lo/carrier'), '1');
  await shell('modprobe loop && test -d /sys/module/loop');
  await shell('test -e /sys/kernel/tracing/trace_marker');
});

test('output, error output and exit code come back apart', async () => {
  const result = await rig.run(['sh', '-c', 'echo out; echo err >&2; exit 42']);
  assert.deepEqual([result.exitCode, result.stdout, result.stderr], [42, 'out\n', 'err\n']);
});

test('a command that a signal ends has the exit code a shell gives it', async () => {
  assert.equal((await rig.run(['sh', '-c', 'kill -TERM $$'])).exitCode, 128 + 15);
});

test('input and output are bytes, not text', async () => {
  const input = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256);
  const { stdoutBytes } = await rig.run(['cat'], { input });
  assert.equal(Buffer.compare(stdoutBytes, input), 0);
});

test('output comes while the command runs', async () => {
  const { promise: firstLine, resolve } = Promise.withResolvers<string>();
  const command = rig.start(['sh', '-c', 'echo first; read answer; echo $answer'], {
    onOutput: (_, bytes) => resolve(Buffer.from(bytes).toString()),
  });
  assert.equal(await firstLine, 'first\n');
  command.write('second\n');
  assert.deepEqual(await command.ended, { exitCode: 0, signal: null });
});

test('commands run side by side', async () => {
  // Each waits for the other: one after the other they would never end.
  const meet = (mine: string, other: string): Promise<string> =>
    shell(`touch /tmp/${mine}; while ! test -e /tmp/${other}; do sleep 0.1; done; echo met`);
  assert.deepEqual(await Promise.all([meet('left', 'right'), meet('right', 'left')]), ['met', 'met']);
});

test('a command takes its environment and directory along', async () => {
  const { stdout } = await rig.run(['sh', '-c', 'echo $GREETING; pwd'], { env: { GREETING: 'hello' }, cwd: '/sys' });
  assert.equal(stdout, 'hello\n/sys\n');
});

test('a program that is not there is named', async () => {
  await assert.rejects(rig.run(['no-such-program']), {
    code: RigErrorCode.commandNotStarted,
    message: /'no-such-program' cannot be started/,
  });
});

test('a command that takes too long is killed, with what it started', async () => {
  await assert.rejects(rig.run(['sh', '-c', 'echo begun; sleep 987 & wait'], { timeoutMs: 2000 }), {
    code: RigErrorCode.commandTimeout,
    message: /begun/,
  });
  await eventually('! pgrep -f "sleep 987$" >/dev/null');
});

test('what a command leaves in the background does not hold it up', async () => {
  const { stdout } = await rig.run(['sh', '-c', 'sleep 300 & echo done'], { timeoutMs: 60_000 });
  assert.equal(stdout, 'done\n');
});

test('a device can be unplugged and plugged again, and keeps its data', async () => {
  await shell('echo precious | dd of=/dev/nvme0n1 conv=sync,fsync status=none');
  await rig.unplug('nvme0');
  await eventually('! test -e /sys/bus/pci/devices/0000:01:00.0');
  await rig.plug('nvme0');
  await eventually('test -b /dev/nvme0n1');
  assert.equal(await shell('head -c 8 /dev/nvme0n1'), 'precious');
});

test('a device that the rig does not have is named', async () => {
  await assert.rejects(rig.unplug('nvme9'), { code: RigErrorCode.noSuchDevice, message: /It has: nvme0, nvme1/ });
});
