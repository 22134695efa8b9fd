import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { type Served, ScriptedManager, served } from '../../api/testing/index.ts';
import { FakeVm, fakeHost, listenForControl, nvmeHost } from '../../host/testing/index.ts';
import type { TraceChunk } from '../../trace/index.ts';
import { recordedHypercalls, recordedLife } from '../../trace/testing/index.ts';
import { type CliResult, runCli } from '../testing/run-cli.ts';

interface Bench {
  readonly manager: ScriptedManager;
  readonly api: Served;
  readonly directory: string;
  run(...args: string[]): Promise<CliResult>;
}

async function bench(t: TestContext): Promise<Bench> {
  const directory = mkdtempSync(join(tmpdir(), 'dda-trace-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const manager = new ScriptedManager();
  await manager.createVm(
    { name: 'web', spec: { memoryBytes: 2 ** 30, cpuCount: 1, kernel: '/vmlinuz', commandLine: '' } },
    { userId: 0, processId: 1, command: 'test' },
  );
  const api = await served(t, manager);
  const host = fakeHost(nvmeHost());
  const run = (...args: string[]): Promise<CliResult> =>
    runCli(host, ['trace', ...args], {}, join(directory, 'vms'), api.socketPath);
  return { manager, api, directory, run };
}

function chunkOf(records: readonly Uint8Array[], lost = 0): TraceChunk {
  const parts = records.flatMap((record) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(record.byteLength);
    return [length, record];
  });
  return { records: Buffer.concat(parts), lost };
}

/** Once it is traced: records, and the end of the VM. */
async function recordAndEnd({ manager, api }: Bench, chunk: TraceChunk): Promise<void> {
  while (api.slots.open === 0) await new Promise((resolve) => setImmediate(resolve));
  manager.record('web', chunk);
  const guestEnd = { how: 'power-off', detail: 'the guest powered off' };
  manager.emit({ kind: 'vm-removed', name: 'web', exitCode: 0, guestEnd });
}

test('a VM of the daemon, line by line, to its end', async (t) => {
  const one = await bench(t);
  const running = one.run('web');
  await recordAndEnd(one, chunkOf([...recordedHypercalls(), ...recordedLife('linux-style')], 12));
  const { exitCode, output, notices } = await running;
  assert.deepEqual([exitCode, notices], [0, 'The VM web ended: the guest powered off.\n']);
  const lines = output.split('\n');
  assert.equal(lines[0], '… 12 records lost: nobody read them in time');
  assert.equal(lines[2], '03:04:05.002469 ->               HvCallSignalEvent connectionId=8193 flag=0 vp=1 = SUCCESS');
  assert.ok(lines.includes('03:04:05.014814 -> model-nvme    QUERY_PROTOCOL_VERSION version=1.4 #0x1'), output);
});

test('for programs, an object a line', async (t) => {
  const one = await bench(t);
  const running = one.run('web', '--json');
  await recordAndEnd(one, chunkOf(recordedHypercalls().slice(1, 2), 1));
  const { exitCode, output } = await running;
  assert.equal(exitCode, 0);
  const objects = output
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  assert.deepEqual(objects, [
    { kind: 'lost', count: 1 },
    {
      kind: 'record',
      recordKind: 'hypercall',
      sequence: 1,
      time: '2026-01-02T03:04:05.002469134Z',
      direction: 'guest-to-host',
      vp: 1,
      channel: null,
      name: 'HvCallSignalEvent',
      fields: { connectionId: 8193, flag: 0 },
      note: null,
      transactionId: null,
      completionRequested: false,
      status: 'SUCCESS',
      payloadBytes: 8,
    },
    { kind: 'ended', sentence: 'The VM web ended: the guest powered off.' },
  ]);
});

test('for Wireshark, into a file that was not there', async (t) => {
  const one = await bench(t);
  const file = join(one.directory, 'web.pcapng');
  const running = one.run('web', '--pcapng', file);
  const records = recordedLife('linux-style');
  await recordAndEnd(one, chunkOf(records, 3));
  const { exitCode, notices } = await running;
  assert.equal(exitCode, 0);
  assert.equal(notices, `The VM web ended: the guest powered off.\n${records.length} records written, 3 lost\n`);
  const written = readFileSync(file);
  assert.equal(written.readUInt32LE(0), 0x0a0d0d0a);
  assert.ok(written.includes('trace of the VM web') && written.includes('dda 1.2.3'));
  assert.ok(records.every((record) => written.includes(Buffer.from(record))));

  const again = await one.run('web', '--pcapng', file);
  assert.equal(again.exitCode, 6);
  assert.match(again.notices, /\[trace-not-written\]: Can't write the trace to .*: there is such a file already\./);
  assert.deepEqual(readFileSync(file), written);
  const nowhere = await one.run('web', '--pcapng', join(one.directory, 'none/web.pcapng'));
  assert.match(nowhere.notices, /\[trace-not-written\].*its directory is not there\. Name another file\./);
});

test('a VM of dda vm run, by its control socket', async (t) => {
  const one = await bench(t);
  const vm = new FakeVm('lab');
  const server = await listenForControl(join(one.directory, 'vms'), 'lab', vm.handler);
  t.after(() => server.close());
  const running = one.run('lab');
  while (vm.trace.recorder === undefined) await new Promise((resolve) => setImmediate(resolve));
  vm.trace.recorder.signalled(0, 7);
  vm.traceEnd.resolve('The VM lab ended: the VM was stopped.');
  const { exitCode, output, notices } = await running;
  assert.deepEqual([exitCode, notices], [0, 'The VM lab ended: the VM was stopped.\n']);
  assert.equal(output, '00:00:00.000000 <- channel 7     event flag 7 vp=0\n');
});

test('refusals: no such VM, options that contradict each other', async (t) => {
  const { run, directory } = await bench(t);
  const none = await run('none');
  assert.equal(none.exitCode, 3);
  assert.match(none.notices, /\[no-such-vm\]/);
  assert.match(
    (await run('web', '--json', '--pcapng', '-')).notices,
    /\[options-conflict\].*both go to standard output/,
  );
  assert.match((await run('web', '--dissector')).notices, /\[options-conflict\]: Can't use --dissector with web/);
  const file = join(directory, 'none.pcapng');
  await run('none', '--pcapng', file);
  assert.equal(existsSync(file), false, 'what is refused leaves no file');
});

test('the dissector is the one in the package', async (t) => {
  const { run } = await bench(t);
  const { output } = await run('--dissector');
  assert.equal(output, readFileSync(new URL('../../../packaging/wireshark/dda.lua', import.meta.url), 'utf8'));
});
