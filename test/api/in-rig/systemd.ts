import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { linkName } from '../../../src/linux/index.ts';

const SOCKET = '/run/dda/dda.sock';
const device = '0000:01:00.0';
/** The host is emulated, and the machine under it may be busy. */
const PATIENCE_MS = 180_000;

const cli = required('DDA_CLI');
const run = promisify(execFile);

function required(name: string): string {
  return process.env[name] ?? assert.fail(`${name} is not set`);
}

const dda = async (...args: string[]): Promise<string> =>
  (await run(process.execPath, [cli, ...args], { cwd: '/' })).stdout;

/** systemd runs as process 1 of a PID namespace, with mounts and control groups of its own, as in a container. */
let systemd: ChildProcess;
let systemdPid = 0;

const inside = async (...command: string[]): Promise<string> =>
  (await run('nsenter', [`--target=${systemdPid}`, '--mount', '--pid', '--cgroup', '--', ...command])).stdout;
const systemctl = (...args: string[]): Promise<string> => inside('systemctl', '--no-pager', ...args);

async function unit(property: string): Promise<string> {
  return (await systemctl('show', '--value', `--property=${property}`, 'dda')).trim();
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + PATIENCE_MS; !(await holds()); await sleep(200)) {
    assert.ok(Date.now() < endMs, `in vain: ${what}`);
  }
}

before(async () => {
  mkdirSync('/etc/systemd/system', { recursive: true });
  mkdirSync('/etc/udev/rules.d', { recursive: true });
  copyFileSync(required('DDA_UNIT'), '/etc/systemd/system/dda.service');
  // Nothing of the distribution's own is to be started but what the unit asks for.
  writeFileSync('/etc/systemd/system/rig.target', '[Unit]\nAllowIsolate=yes\n');
  writeFileSync('/usr/local/bin/dda', `#!/bin/sh\nexec '${process.execPath}' '${cli}' "$@"\n`, { mode: 0o755 });
  const console = openSync('/dev/console', 'w');
  const program = ['/lib/systemd/systemd', '--system', '--unit=rig.target', '--log-target=console'];
  systemd = spawn('unshare', ['--pid', '--fork', '--kill-child', '--mount', '--mount-proc', '--cgroup', ...program], {
    env: { container: 'rig', PATH: '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    stdio: ['ignore', console, console],
  });
  const children = `/proc/${systemd.pid}/task/${systemd.pid}/children`;
  await until('systemd has started', () => {
    systemdPid = Number(readFileSync(children, 'utf8').trim());
    return systemdPid > 0;
  });
  await until('systemd is up', () =>
    systemctl('is-system-running').then(
      (state) => state.trim() === 'running',
      () => false,
    ),
  );
});

after(() => systemd.kill('SIGKILL'));

/** What systemd says of a unit: `key=value` lines. */
async function show(name: string, ...properties: string[]): Promise<readonly string[]> {
  return (await systemctl('show', `--property=${properties.join(',')}`, name)).trim().split('\n').sort();
}

interface VmRow {
  readonly processId: number;
  readonly functions: readonly string[];
}

const vms = async (): Promise<readonly VmRow[]> =>
  (JSON.parse(await dda('vm', 'list', '--json')) as { readonly vms: readonly VmRow[] }).vms;

let lent: readonly VmRow[];
/** Of the VM. */
let scope: string;

const MIB = 1024 * 1024;

test('without a message bus a check says so, and with one that all is well', async () => {
  assert.match(await dda('check').catch(outputOf), /limited +groups\n[\s\S]*message bus, and there is none/);
  await systemctl('start', 'dbus.socket');
  assert.match(await dda('check').catch(outputOf), /ok +groups\n/);
});

/** Of a command that ended with an error: a rig lacks something else, perhaps. */
function outputOf(error: unknown): string {
  return error instanceof Error && 'stdout' in error ? String(error.stdout) : assert.fail(String(error));
}

test('started, it is there as soon as systemctl says so', async () => {
  await systemctl('start', 'dda');
  assert.ok(existsSync(SOCKET));
  assert.equal(await unit('ActiveState'), 'active');
  assert.equal(await unit('StatusText'), `serving at ${SOCKET}`);
  assert.match(await dda('list'), /0000:01:00\.0 .*at the host/);
});

test('started anew, it finds the VM that it left behind, and what that has', async () => {
  await dda('dismount', device);
  const [kernel, initrd] = [required('DDA_GUEST_VMLINUX'), required('DDA_GUEST_INITRD')];
  await dda('vm', 'create', 'web', '--kernel', kernel, '--initrd', initrd, '--memory', '384M');
  assert.equal(await dda('add', 'web', device), `${device} lent to web\n`);
  lent = await vms();
  assert.deepEqual(
    lent.map(({ functions }) => functions),
    [[device]],
  );
  scope = `dda-web-${lent[0]?.processId}.scope`;
  const limits = ['CPUQuotaPerSecUSec', 'CPUQuotaPeriodUSec', 'MemoryMax', 'TasksMax'];
  assert.deepEqual(await show(scope, 'ActiveState', 'Slice', ...limits), [
    'ActiveState=active',
    'CPUQuotaPerSecUSec=6s',
    'CPUQuotaPeriodUSec=20ms',
    `MemoryMax=${(384 + 1024 + 64 + 64 + 256 + 6) * MIB}`,
    'Slice=dda.slice',
    'TasksMax=66',
  ]);
  assert.equal(readFileSync(`/sys/fs/cgroup/dda.slice/${scope}/cpu.max`, 'utf8'), '120000 20000\n');
  const earlier = await unit('MainPID');
  await systemctl('restart', 'dda');
  assert.notEqual(await unit('MainPID'), earlier);
  assert.deepEqual(await vms(), lent);
  const processes = readFileSync(`/sys/fs/cgroup/dda.slice/${scope}/cgroup.procs`, 'utf8');
  assert.match(processes, /^\d+$/m);
});

test('hanging, it is ended by the watchdog and started anew, and again the VM lives on', async () => {
  const earlier = await unit('MainPID');
  await systemctl('kill', '--kill-whom=main', '--signal=SIGSTOP', 'dda');
  await until(
    'systemd has started it anew',
    async () => (await unit('NRestarts')) === '1' && (await unit('ActiveState')) === 'active',
  );
  assert.notEqual(await unit('MainPID'), earlier);
  assert.deepEqual(await vms(), lent);
});

test('what was lent comes back, and stopped it ends in order', async () => {
  assert.match(await dda('remove', 'web', device, '--deadline', '30s', '--to', 'host'), /at the host/);
  assert.equal(linkName(`/sys/bus/pci/devices/${device}/driver`), 'nvme');
  assert.deepEqual(await show(scope, 'ActiveState'), ['ActiveState=active']);
  assert.match(await dda('vm', 'stop', 'web'), /^web ended/);
  await until('its scope is gone', async () => (await show(scope, 'LoadState'))[0] === 'LoadState=not-found');
  assert.equal(existsSync(`/sys/fs/cgroup/dda.slice/${scope}`), false);
  await systemctl('stop', 'dda');
  assert.equal(await unit('ActiveState'), 'inactive');
  assert.equal(await unit('Result'), 'success');
  assert.equal(existsSync(SOCKET), false);
});
