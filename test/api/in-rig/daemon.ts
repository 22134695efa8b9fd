import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { linkName } from '../../../src/linux/index.ts';

const SOCKET = '/run/dda/dda.sock';
const RULES = '/etc/udev/rules.d/50-dda.rules';
const first = '0000:01:00.0';
const second = '0000:02:00.0';
const STRANGER = 65_432;
/** The host is emulated, and the machine under it may be busy. */
const PATIENCE_MS = 120_000;

const cli = required('DDA_CLI');

function required(name: string): string {
  return process.env[name] ?? assert.fail(`${name} is not set`);
}

interface Run {
  readonly exitCode: number | null;
  readonly output: string;
  readonly notices: string;
}

async function dda(...args: string[]): Promise<Run> {
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
  const [output, notices] = [text(child.stdout), text(child.stderr)];
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, output: await output, notices: await notices };
}

async function succeeds(...args: string[]): Promise<string> {
  const { exitCode, output, notices } = await dda(...args);
  assert.equal(exitCode, 0, `dda ${args.join(' ')}: ${notices}\n${log}`);
  return output;
}

const driverOf = (name: string): string | undefined => linkName(`/sys/bus/pci/devices/${name}/driver`);

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const endMs = Date.now() + PATIENCE_MS; !holds(); await sleep(50)) {
    assert.ok(Date.now() < endMs, `in vain: ${what}\n${log}`);
  }
}

let daemon: ChildProcess | undefined;
/** What all of them said. */
let log = '';

async function startDaemon(): Promise<void> {
  let said = '';
  daemon = spawn(process.execPath, [cli, 'serve'], { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
  for (const stream of [daemon.stdout, daemon.stderr]) {
    stream?.setEncoding('utf8').on('data', (part: string) => {
      said += part;
      log += part;
    });
  }
  await until('the daemon is ready', () => said.includes('"msg":"ready"'));
}

async function endDaemon(signal: NodeJS.Signals): Promise<void> {
  assert.ok(daemon !== undefined);
  const closed = once(daemon, 'close');
  daemon.kill(signal);
  await closed;
}

after(() => daemon?.kill('SIGTERM'));

test('a daemon that is not there is told, and then is there for root alone', async () => {
  const { exitCode, notices } = await dda('list');
  assert.equal(exitCode, 3);
  assert.match(notices, /\[daemon-not-running\].*systemctl start dda/);
  mkdirSync('/etc/udev/rules.d', { recursive: true });
  await startDaemon();
  assert.equal(statSync(SOCKET).mode & 0o777, 0o600);
  const program = `require('node:net').connect('${SOCKET}').on('connect', () => console.log('in')).on('error', (e) => console.log(e.code))`;
  const stranger = spawn(process.execPath, ['-e', program], {
    uid: STRANGER,
    gid: STRANGER,
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  assert.equal((await text(stranger.stdout)).trim(), 'EACCES');
});

test('a second daemon is refused', async () => {
  const { exitCode, notices } = await dda('serve');
  assert.equal(exitCode, 4);
  assert.match(
    notices,
    /\[daemon-running\]: Can't start a daemon on \/var\/lib\/dda: a daemon has it already: process \d+\./,
  );
});

test('dismounted into a pool, by the daemon, with rules for the next start of the host', async () => {
  assert.match(await succeeds('list'), /0000:01:00\.0 .*at the host/);
  await succeeds('pool', 'create', 'fast');
  const output = await succeeds('dismount', first, second, '--pool', 'fast');
  assert.equal(output, `${first} dismounted: ready to be lent\n${second} dismounted: ready to be lent\n`);
  assert.deepEqual([driverOf(first), driverOf(second)], ['vfio-pci', 'vfio-pci']);
  await until('the rules are there', () => existsSync(RULES) && readFileSync(RULES, 'utf8').includes(second));
  assert.match(readFileSync(RULES, 'utf8'), /KERNEL=="0000:01:00\.0", ATTR\{vendor\}=="0x1b36"/);
  const { exitCode, notices } = await dda('vm', 'run', '--device', first);
  assert.equal(exitCode, 4);
  assert.match(notices, /\[daemon-running\]/);
});

test('a daemon that is killed forgets nothing', async () => {
  await endDaemon('SIGKILL');
  await startDaemon();
  assert.match(await succeeds('list'), /0000:01:00\.0 .*in pool fast\n0000:02:00\.0 .*in pool fast/);
  assert.equal(driverOf(first), 'vfio-pci');
  assert.match(await succeeds('mount', second), /mounted: back at the host/);
  assert.equal(driverOf(second), 'nvme');
  await until('its rule is gone', () => !readFileSync(RULES, 'utf8').includes(second));
});

test('a VM that has a function outlives the daemon, and gives it back to the next one', async () => {
  const [kernel, initrd] = [required('DDA_GUEST_VMLINUX'), required('DDA_GUEST_INITRD')];
  await succeeds('vm', 'create', 'web', '--kernel', kernel, '--initrd', initrd, '--memory', '384M');
  const events = spawn(process.execPath, [cli, 'events', '--json'], { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' });
  const seen = text(events.stdout);
  const lend = await succeeds('add', 'web', '--pool', 'fast', '--class', 'nvme');
  assert.equal(lend, `${first} lent to web\n`);
  const twice = await dda('add', 'web', first);
  assert.equal(twice.exitCode, 4);
  assert.match(twice.notices, /\[already-lent\]/);
  const before = JSON.parse(await succeeds('vm', 'list', '--json')) as { vms: { processId: number }[] };
  const group = `/sys/fs/cgroup/dda/web-${before.vms[0]?.processId}`;
  assert.match(readFileSync(`${group}/cpu.max`, 'utf8'), /^\d+ \d+$/m);
  assert.doesNotMatch(log, /control groups/);

  await endDaemon('SIGKILL');
  await once(events, 'close');
  assert.match(await seen, /"kind":"function-changed".*"state":"lent"/);
  await startDaemon();
  const found = JSON.parse(await succeeds('vm', 'list', '--json')) as {
    vms: { processId: number; functions: string[] }[];
  };
  assert.deepEqual(
    found.vms.map(({ processId, functions }) => [processId, functions]),
    before.vms.map(({ processId }) => [processId, [first]]),
  );
  assert.match(await succeeds('remove', 'web', first, '--deadline', '30s', '--to', 'host'), /at the host/);
  assert.equal(driverOf(first), 'nvme');
  assert.match(await succeeds('vm', 'stop', 'web'), /^web ended/);
  await until('its control group is gone', () => !existsSync(group));
  assert.equal((await dda('vm', 'list')).output, '');
});

test('the audit has it all, and SIGTERM ends the daemon in order', async () => {
  const { entries } = JSON.parse(await succeeds('audit', '--json')) as {
    entries: { what: string; by: { userId: number } }[];
  };
  assert.deepEqual(
    entries
      .map(({ what }) => what)
      .filter((what) => ['stop-vm', 'remove', 'add', 'create-vm', 'mount', 'dismount'].includes(what)),
    ['stop-vm', 'remove', 'add', 'add', 'create-vm', 'mount', 'dismount'],
  );
  assert.ok(entries.every(({ by }) => by.userId === 0));
  await endDaemon('SIGTERM');
  assert.equal(daemon?.exitCode, 0);
  assert.equal(existsSync(SOCKET), false);
});
