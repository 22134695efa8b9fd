import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { FdListener, ProcessHandle } from '../../linux/index.ts';
import { readRecord, recordsIn } from '../../trace/index.ts';
import { decodeFromVm, encodeMessage, MAX_MESSAGE_BYTES, PROTOCOL_VERSION } from '../../vm/process/index.ts';
import { ServedVmBench } from '../../vm/testing/index.ts';
import { RemoteVm } from './remote-vm.ts';

interface Heard {
  readonly names: string[];
  lost: number;
}

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'dda-trace-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'web.sock');
}

/** The manager's end, and what it has been told of a trace. */
function manager(t: TestContext, socketPath: string): { readonly remote: RemoteVm; readonly heard: Heard } {
  const handle = ProcessHandle.open(process.pid) ?? assert.fail();
  const mark = { processId: process.pid, startTicks: 1 };
  const remote = new RemoteVm({ name: 'web', socketPath, mark, handle, ended: new Promise(() => undefined) });
  t.after(() => remote.close());
  const heard: Heard = { names: [], lost: 0 };
  remote.listen((event) => {
    if (event.kind !== 'trace') return;
    heard.lost += event.lost;
    heard.names.push(...(recordsIn(event.records) ?? assert.fail()).map((bytes) => readRecord(bytes)?.name ?? ''));
  });
  return { remote, heard };
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 2000; i += 1) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail('it did not come');
}

const post = (vm: ServedVmBench, type: number): void =>
  vm.trace.recorder?.posted(1, 1, Uint8Array.of(type, 0, 0, 0, 0, 0, 0, 0));

test('a VM records while its manager wants it, and no longer', async (t) => {
  const path = place(t);
  const vm = new ServedVmBench(path, 'web');
  t.after(() => vm.close());
  const { remote, heard } = manager(t, path);
  await remote.ping();
  assert.equal(vm.trace.recorder, undefined);
  remote.followTrace(true);
  await until(() => vm.trace.recorder !== undefined);
  post(vm, 3);
  post(vm, 16);
  await until(() => heard.names.length === 2);
  assert.deepEqual(heard, { names: ['REQUESTOFFERS', 'UNLOAD'], lost: 0 });
  remote.followTrace(false);
  await until(() => vm.trace.recorder === undefined);
});

test('a manager that goes ends the trace, and one whose connection was lost is told on', async (t) => {
  const path = place(t);
  const vm = new ServedVmBench(path, 'web');
  t.after(() => vm.close());
  const first = manager(t, path);
  first.remote.followTrace(true);
  await until(() => vm.trace.recorder !== undefined);
  // The newest connection is the manager's: this one is dropped, and comes back.
  const second = manager(t, path);
  await second.remote.ping();
  await until(() => vm.trace.recorder === undefined || first.heard.names.length > 0);
  second.remote.close();
  await until(() => vm.trace.recorder !== undefined);
  post(vm, 3);
  await until(() => first.heard.names.length === 1);
});

test('a manager that does not read costs the VM its ring, and is told how many it has missed', async (t) => {
  const path = place(t);
  const vm = new ServedVmBench(path, 'web');
  t.after(() => vm.close());
  const { remote, heard } = manager(t, path);
  remote.followTrace(true);
  await until(() => vm.trace.recorder !== undefined);
  const all = 20_000;
  const payload = new Uint8Array(240);
  // In one turn: nothing is read meanwhile.
  for (let count = 0; count < all; count += 1) vm.trace.recorder?.posted(1, 1, payload);
  await until(() => heard.names.length + heard.lost === all);
  assert.ok(heard.lost > all / 2);
});

test('what should be records and is not ends the connection', async (t) => {
  const path = place(t);
  const listener = FdListener.bind(path);
  t.after(() => listener.close());
  let connections = 0;
  listener.onConnection(() => {
    connections += 1;
    const socket = listener.accept(MAX_MESSAGE_BYTES);
    socket?.send(encodeMessage({ event: 'hello', version: PROTOCOL_VERSION, name: 'web', dma: 'none' }));
    socket?.send(encodeMessage({ event: 'trace', records: Buffer.from('no records').toString('base64'), lost: 0 }));
    t.after(() => socket?.close());
  });
  const { heard } = manager(t, path);
  await until(() => connections >= 2);
  assert.deepEqual(heard, { names: [], lost: 0 });
  assert.equal(decodeFromVm(encodeMessage({ event: 'trace', records: '', lost: -1 })), undefined);
});
