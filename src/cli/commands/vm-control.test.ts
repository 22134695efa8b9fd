import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { FakeVm, fakeHost, listenForControl, nvmeHost } from '../../host/testing/index.ts';
import { type CliResult, runCli } from '../testing/run-cli.ts';

const bdf = '0000:01:00.0';

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'dda-vm-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

async function start(t: TestContext, directory: string, name: string): Promise<FakeVm> {
  const vm = new FakeVm(name);
  const server = await listenForControl(directory, name, vm.handler);
  t.after(() => server.close());
  return vm;
}

function dda(directory: string, ...args: string[]): Promise<CliResult> {
  return runCli(fakeHost(nvmeHost()), ['vm', ...args], {}, directory);
}

test('no VM at all', async (t) => {
  const directory = place(t);
  assert.deepEqual(await dda(directory, 'list'), {
    exitCode: 0,
    output: '',
    notices: 'No VM runs. Start one with: dda vm run\n',
  });
  assert.equal((await dda(directory, 'list', '--json')).output, '{"vms":[]}\n');
  const { exitCode, notices } = await dda(directory, 'eject', bdf);
  assert.equal(exitCode, 3);
  assert.match(notices, /\[no-such-vm\]: Can't eject 0000:01:00\.0: /);
});

test('the table of VMs, and the same as JSON', async (t) => {
  const directory = place(t);
  const web = await start(t, directory, 'web');
  await start(t, directory, 'db');
  web.functions.add(bdf);
  assert.equal(
    (await dda(directory, 'list')).output,
    [
      'NAME  STATE    PID   CPUS  MEMORY    KERNEL          FUNCTIONS',
      'db    running  4711  2     2048 MiB  6.1.0-43-amd64  -',
      'web   running  4711  2     2048 MiB  6.1.0-43-amd64  0000:01:00.0',
      '',
    ].join('\n'),
  );
  const { vms } = JSON.parse((await dda(directory, 'list', '--json')).output) as { vms: unknown[] };
  assert.deepEqual(vms[1], {
    name: 'web',
    processId: 4711,
    state: 'running',
    startedAt: '2026-01-02T03:04:05.000Z',
    kernel: '6.1.0-43-amd64',
    memoryBytes: 2 ** 31,
    vcpus: 2,
    functions: [bdf],
    exits: 123,
  });
});

test('add, eject, rescind and stop: with a name, or to the only one', async (t) => {
  const directory = place(t);
  const vm = await start(t, directory, 'web');
  assert.equal((await dda(directory, 'add', 'web', '01:00.0')).output, '0000:01:00.0 lent to web (12 ms)\n');
  assert.equal(
    (await dda(directory, 'eject', '01:00.0', '--deadline', '2s')).output,
    '0000:01:00.0 back at the host: the guest let go of it (46 ms)\n',
  );
  assert.equal(
    (await dda(directory, 'rescind', bdf, '--json')).output,
    `{"ok":true,"name":"web","function":"${bdf}","tookMs":7.8}\n`,
  );
  assert.equal((await dda(directory, 'stop')).output, 'web ended; its functions are back at the host\n');
  assert.deepEqual(vm.asked, [`add ${bdf}`, `eject within 2000 ${bdf}`, `rescind ${bdf}`, 'stop']);
});

test('what the VM refuses reads as if the VM had said it here', async (t) => {
  const directory = place(t);
  const vm = await start(t, directory, 'web');
  vm.functions.add(bdf);
  const { exitCode, output, notices } = await dda(directory, 'add', bdf, '--json');
  assert.equal(exitCode, 4);
  assert.equal(
    notices,
    `error [already-lent]: Can't lend ${bdf}: This VM has it already. Eject it first to lend it anew.\n`,
  );
  assert.deepEqual(JSON.parse(output), {
    ok: false,
    error: {
      code: 'already-lent',
      message: `Can't lend ${bdf}: This VM has it already. Eject it first to lend it anew.`,
      asked: `lend ${bdf}`,
      obstacle: 'This VM has it already.',
      remedy: 'Eject it first to lend it anew.',
      details: { function: bdf },
    },
  });
});

test('several VMs and no name; names and words that make no sense', async (t) => {
  const directory = place(t);
  await start(t, directory, 'web');
  await start(t, directory, 'db');
  for (const [args, exitCode, told] of [
    [['add', bdf], 2, /\[vm-name-needed\].*db, web/],
    [['stop'], 2, /\[vm-name-needed\]/],
    [['stop', 'none'], 3, /\[no-such-vm\]/],
    [['stop', 'a/b'], 2, /\[vm-name-malformed\]/],
    [['add', 'Web', bdf], 2, /\[vm-name-malformed\]/],
    [['add', 'web', '1:0'], 2, /\[pci-address-malformed\]/],
    [['add', 'web', bdf, bdf], 2, /too many arguments/],
    [['eject', 'web', bdf, '--deadline', '5'], 2, /'5' is invalid\. It is a number and a unit/],
  ] as const) {
    const result = await dda(directory, ...args);
    assert.equal(result.exitCode, exitCode, result.notices);
    assert.match(result.notices, told);
  }
});
