import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

const FUNCTION = '0000:01:00.0';
/** The host is emulated, and the machine under it may be busy. */
const PATIENCE_MS = 240_000;

/** Of docs/front-ends.md, "A start, in order": what a Linux guest sends before its first interrupt. */
const START = [
  'QUERY_PROTOCOL_VERSION',
  'QUERY_BUS_RELATIONS',
  'QUERY_RESOURCE_REQUIREMENTS',
  'BUS_D0ENTRY',
  'RESOURCES_ASSIGNED2',
  'CREATE_INTERRUPT3',
];

const cli = required('DDA_CLI');
const results = required('DDA_RESULTS');
const guest = ['--kernel', required('DDA_GUEST_VMLINUX'), '--initrd', required('DDA_GUEST_INITRD'), '--memory', '384M'];
mkdirSync(results, { recursive: true });

function required(name: string): string {
  return process.env[name] ?? assert.fail(`${name} is not set`);
}

/** What still runs when a test fails. */
const running = new Set<ChildProcess>();

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly exitCode: number | null; readonly output: string; readonly notices: string }>;
  /** So far. */
  said(): string;
}

function start(...args: string[]): Started {
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
  running.add(child);
  child.on('close', () => running.delete(child));
  let said = '';
  child.stdout.on('data', (part: Buffer) => (said += part.toString()));
  const [output, notices] = [text(child.stdout), text(child.stderr)];
  const ended = once(child, 'close').then(async ([exitCode]) => ({
    exitCode: exitCode as number | null,
    output: await output,
    notices: await notices,
  }));
  return { child, ended, said: () => said };
}

async function succeeds(...args: string[]): Promise<string> {
  const { exitCode, output, notices } = await start(...args).ended;
  assert.equal(exitCode, 0, `dda ${args.join(' ')}: ${notices}`);
  return output;
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const endMs = Date.now() + PATIENCE_MS; !holds(); await sleep(50)) {
    assert.ok(Date.now() < endMs, `in vain: ${what}`);
  }
}

interface Told {
  readonly kind: string;
  readonly recordKind: string;
  readonly direction: string;
  readonly name: string;
  readonly fields: Record<string, unknown>;
  readonly channel: { readonly name: string } | null;
  readonly status: string | null;
  readonly sentence?: string;
}

const toldIn = (text_: string): Told[] =>
  text_
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Told);

/** What the guest sent on the function's channel, with repetitions. */
const requests = (told: readonly Told[]): string[] =>
  told
    .filter(({ recordKind, direction }) => recordKind === 'packet' && direction === 'guest-to-host')
    .map(({ name }) => name);

function assertStart(told: readonly Told[]): void {
  const sent = requests(told);
  assert.deepEqual(sent.slice(0, START.length), START);
  const others = sent.slice(START.length).filter((name) => !/^(?:CREATE_INTERRUPT3|DELETE_INTERRUPT)$/.test(name));
  assert.ok(
    others.every((name) => /^(?:EJECTION_COMPLETE|BUS_D0EXIT|RESOURCES_RELEASED)$/.test(name)),
    others.join(),
  );
  // Each request that asks for an answer has one, named after it.
  for (const name of START.filter((each) => each !== 'QUERY_BUS_RELATIONS')) {
    assert.ok(
      told.some((one) => one.name === `${name} completion`),
      `${name} is answered`,
    );
  }
  assert.ok(told.some(({ name }) => name === 'BUS_RELATIONS2'));
  const packets = told.filter(({ recordKind }) => recordKind === 'packet');
  assert.ok(packets.every(({ channel }) => channel?.name === FUNCTION));
  const retargets = told.filter(({ name }) => name === 'HvCallRetargetDeviceInterrupt');
  assert.ok(retargets.length > 0 && retargets.every(({ status }) => status === 'SUCCESS'));
}

let daemon: ChildProcess | undefined;
after(() => {
  for (const child of running) child.kill('SIGTERM');
});

test('dda vm run: into a file from the start, and live by its control socket', async () => {
  const file = join(results, 'run.pcapng');
  const vm = start('vm', 'run', '--name', 'lab', '--device', FUNCTION, ...guest, '--trace', file);
  await until('it can be asked', () => existsSync('/run/dda/vms/lab.sock'));
  const live = start('trace', 'lab');
  await until('the guest has its driver', () => live.said().includes('DELETE_INTERRUPT'));
  await succeeds('vm', 'stop', 'lab');
  const ended = await live.ended;
  assert.deepEqual([ended.exitCode, ended.notices], [0, 'The VM lab ended: the VM was stopped.\n']);
  assert.match(
    ended.output,
    /^\d\d:\d\d:\d\d\.\d{6} -> 0000:01:00\.0 {2}CREATE_INTERRUPT3 slot=00\.0 interrupt=\[\{vector=0x.* #0x[0-9a-f]+$/m,
  );
  const run = await vm.ended;
  assert.equal(run.exitCode, 0, run.notices);
  const again = await start('vm', 'run', '--name', 'lab', ...guest, '--trace', file).ended;
  assert.equal(again.exitCode, 6);
  assert.match(again.notices, /\[trace-not-written\]: Can't write the trace to .*: there is such a file already\./);
});

test('a VM of the daemon: two readers at once, a function that comes and goes, and the end of the VM', async () => {
  const serving = start('serve');
  daemon = serving.child;
  await until('the daemon is ready', () => serving.said().includes('"msg":"ready"'));
  await succeeds('dismount', FUNCTION);
  await succeeds('vm', 'create', 'web', ...guest);
  const capture = start('trace', 'web', '--pcapng', join(results, 'daemon.pcapng'));
  const live = start('trace', 'web', '--json');
  // The first that a guest does: from here on both may have begun.
  await until('the guest connects', () => live.said().includes('"kind":"record"'));
  await sleep(5_000);
  await succeeds('add', 'web', FUNCTION);
  await until('the driver has its interrupts', () => requests(toldIn(whole(live.said()))).includes('DELETE_INTERRUPT'));
  await succeeds('remove', 'web', FUNCTION, '--deadline', '60s');
  await succeeds('vm', 'stop', 'web');

  const ended = await live.ended;
  assert.equal(ended.exitCode, 0, ended.notices);
  const told = toldIn(ended.output);
  writeFileSync(join(results, 'daemon.jsonl'), ended.output);
  assertStart(told);
  for (const name of ['channel offered', 'channel open', 'EJECT', 'EJECTION_COMPLETE', 'channel rescinded']) {
    assert.ok(
      told.some((one) => one.name === name),
      name,
    );
  }
  assert.deepEqual(told.at(-1)?.kind, 'ended');
  assert.match(told.at(-1)?.sentence ?? '', /^The VM web ended: .*stopped/);
  const written = await capture.ended;
  assert.equal(written.exitCode, 0, written.notices);
  assert.match(written.notices, /^The VM web ended: .*\n\d+ records written\n$/);
  daemon.kill('SIGTERM');
  await once(daemon, 'close');
});

/** Without a line that has not ended. */
function whole(lines: string): string {
  return lines.slice(0, lines.lastIndexOf('\n') + 1);
}
