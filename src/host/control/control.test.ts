import assert from 'node:assert/strict';
import { existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { FakeVm } from '../testing/fake-vm.ts';
import { readRecord, recordsIn } from '../../trace/index.ts';
import { askVm, listVms, onlyVm, traceVm } from './control-client.ts';
import type { TraceNews } from './trace-source.ts';
import { ControlServer } from './control-server.ts';

const bdf = '0000:01:00.0';

function directoryFor(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'dda-control-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'vms');
}

async function start(t: TestContext, directory: string, name = 'web'): Promise<{ vm: FakeVm; server: ControlServer }> {
  const vm = new FakeVm(name);
  const server = await ControlServer.listen(directory, name, vm.handler);
  t.after(() => server.close());
  return { vm, server };
}

/** Sends bytes as they are and gives all that comes back. */
async function say(directory: string, text: string | Uint8Array, name = 'web'): Promise<unknown[]> {
  const socket = createConnection(join(directory, `${name}.sock`));
  socket.end(text);
  let answer = '';
  for await (const chunk of socket.setEncoding('utf8')) answer += chunk;
  return answer
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}

function codes(replies: unknown[]): unknown[] {
  return replies.map((reply) => (reply as { error?: { code: string } }).error?.code ?? 'ok');
}

/** What a process that was killed leaves behind: a socket on which nobody listens. */
async function leaveStale(directory: string, name: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const server = createServer().listen(join(directory, 'first'));
  await once(server, 'listening');
  linkSync(join(directory, 'first'), join(directory, `${name}.sock`));
  server.close();
  await once(server, 'close');
}

test('each request and its answer', async (t) => {
  const directory = directoryFor(t);
  const { vm } = await start(t, directory);
  assert.deepEqual(await askVm(directory, 'web', { op: 'add', function: bdf }), { function: bdf, tookMs: 12.3 });
  assert.deepEqual((await askVm(directory, 'web', { op: 'status' })).functions, [bdf]);
  assert.deepEqual(await askVm(directory, 'web', { op: 'eject', function: bdf, deadlineMs: 500 }), {
    function: bdf,
    tookMs: 45.6,
    outcome: 'ejected',
  });
  assert.deepEqual(await askVm(directory, 'web', { op: 'rescind', function: bdf }), { function: bdf, tookMs: 7.8 });
  assert.deepEqual(await askVm(directory, 'web', { op: 'stop' }), {});
  assert.deepEqual(vm.asked, [`add ${bdf}`, `eject within 500 ${bdf}`, `rescind ${bdf}`, 'stop']);
});

test('a refusal arrives as it was made', async (t) => {
  const directory = directoryFor(t);
  const { vm } = await start(t, directory);
  vm.functions.add(bdf);
  await assert.rejects(askVm(directory, 'web', { op: 'add', function: bdf }), {
    name: 'ReportedError',
    code: 'already-lent',
    message: `Can't lend ${bdf}: This VM has it already. Eject it first to lend it anew.`,
    asked: `lend ${bdf}`,
    obstacle: 'This VM has it already.',
    remedy: 'Eject it first to lend it anew.',
    details: { function: bdf },
  });
});

test("the socket and its directory are the owner's alone", async (t) => {
  const directory = directoryFor(t);
  await start(t, directory);
  assert.equal(statSync(join(directory, 'web.sock')).mode & 0o777, 0o600);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(directory), ['web.sock']);
});

test('several requests on one connection are answered in order; what makes no sense is refused, and the rest goes on', async (t) => {
  const directory = directoryFor(t);
  const { vm } = await start(t, directory);
  const replies = await say(
    directory,
    [
      '{"op":"add","function":"a"}',
      'not JSON',
      '{"op":"burn"}',
      '{"op":"add"}',
      '{"op":"add","function":"b","more":1}',
      '{"op":"eject","function":"a","deadlineMs":-1}',
      '{"op":"rescind","function":"a"}',
      '',
    ].join('\n'),
  );
  const refused = 'vm-request-refused';
  assert.deepEqual(codes(replies), ['ok', refused, refused, refused, refused, refused, 'ok']);
  assert.deepEqual(vm.asked, ['add a', 'rescind a']);
});

test('a line without end is cut off', async (t) => {
  const directory = directoryFor(t);
  const { vm } = await start(t, directory);
  const replies = await say(directory, 'x'.repeat(5000));
  assert.deepEqual(codes(replies), ['vm-request-refused']);
  assert.deepEqual(vm.asked, []);
});

test('so many connections and no more', async (t) => {
  const directory = directoryFor(t);
  await start(t, directory);
  const held: Socket[] = [];
  for (let count = 0; count < 16; count++) {
    const socket = createConnection(join(directory, 'web.sock'));
    await once(socket, 'connect');
    held.push(socket);
  }
  assert.deepEqual(codes(await say(directory, '{"op":"status"}\n')), ['vm-request-refused']);
  held[0]?.destroy();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(codes(await say(directory, '{"op":"status"}\n')), ['ok']);
  for (const socket of held) socket.destroy();
});

test('a name is taken only once, and a refused second VM disturbs nobody', async (t) => {
  const directory = directoryFor(t);
  await start(t, directory);
  await assert.rejects(ControlServer.listen(directory, 'web', new FakeVm('web').handler), { code: 'vm-name-taken' });
  assert.equal((await askVm(directory, 'web', { op: 'status' })).name, 'web');
  assert.deepEqual(readdirSync(directory), ['web.sock']);
});

test('what a killed process left is taken over, by one of two that start at once', async (t) => {
  const directory = directoryFor(t);
  await leaveStale(directory, 'web');
  const starts = await Promise.allSettled([start(t, directory), start(t, directory)]);
  assert.deepEqual(starts.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
  assert.equal((await askVm(directory, 'web', { op: 'status' })).name, 'web');
});

test('a list shows who runs, by name, and removes what dead ones left', async (t) => {
  const directory = directoryFor(t);
  assert.deepEqual(await listVms(directory), []);
  await leaveStale(directory, 'gone');
  await start(t, directory, 'web');
  await start(t, directory, 'db');
  assert.deepEqual(
    (await listVms(directory)).map((vm) => [vm.name, vm.status?.state]),
    [
      ['db', 'running'],
      ['web', 'running'],
    ],
  );
  assert.equal(existsSync(join(directory, 'gone.sock')), false);
});

test('no name is needed while only one runs', async (t) => {
  const directory = directoryFor(t);
  await assert.rejects(onlyVm(directory, 'stop a VM'), { code: 'no-such-vm' });
  await start(t, directory, 'web');
  assert.equal(await onlyVm(directory, 'stop a VM'), 'web');
  await start(t, directory, 'db');
  await assert.rejects(onlyVm(directory, 'stop a VM'), { code: 'vm-name-needed', details: { names: ['db', 'web'] } });
});

test('a VM that is not there, and one that only left its socket', async (t) => {
  const directory = directoryFor(t);
  await assert.rejects(askVm(directory, 'web', { op: 'status' }), { code: 'no-such-vm' });
  await leaveStale(directory, 'web');
  await assert.rejects(askVm(directory, 'web', { op: 'status' }), { code: 'no-such-vm' });
  assert.equal(existsSync(join(directory, 'web.sock')), false);
});

test('a VM that closes lets the answers under way out, and leaves no socket', async (t) => {
  const directory = directoryFor(t);
  const { vm, server } = await start(t, directory);
  const gate = Promise.withResolvers<void>();
  vm.gate = gate.promise;
  const stopped = askVm(directory, 'web', { op: 'stop' });
  while (vm.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const idle = createConnection(join(directory, 'web.sock'));
  await once(idle, 'connect');
  const closed = server.close();
  gate.resolve();
  assert.deepEqual(await stopped, {});
  await closed;
  await once(idle, 'close');
  assert.equal(existsSync(join(directory, 'web.sock')), false);
});

test('a VM that ends in the middle of an answer, and one whose answer makes no sense', async (t) => {
  const directory = directoryFor(t);
  mkdirSync(directory);
  const answers = [
    (socket: Socket) => socket.end(),
    (socket: Socket) => socket.end('hello\n'),
    (socket: Socket) => socket.end('{"ok":true,"result":{}}\n'),
  ];
  const server = createServer((socket) => socket.once('data', () => answers.shift()?.(socket)));
  server.listen(join(directory, 'odd.sock'));
  t.after(() => server.close());
  await once(server, 'listening');
  await assert.rejects(askVm(directory, 'odd', { op: 'stop' }), { code: 'vm-gone' });
  await assert.rejects(askVm(directory, 'odd', { op: 'stop' }), { code: 'vm-not-answering' });
  await assert.rejects(askVm(directory, 'odd', { op: 'add', function: bdf }), { code: 'vm-not-answering' });
});

test('a client that goes away leaves what it asked for to be done', async (t) => {
  const directory = directoryFor(t);
  const { vm, server } = await start(t, directory);
  const gate = Promise.withResolvers<void>();
  vm.gate = gate.promise;
  const socket = createConnection(join(directory, 'web.sock'));
  socket.write(`{"op":"add","function":"${bdf}"}\n`);
  while (vm.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  socket.destroy();
  gate.resolve();
  await server.close();
  assert.deepEqual([...vm.functions], [bdf]);
});

test('a trace is a line for each piece of it, and ends with the VM', async (t) => {
  const directory = directoryFor(t);
  const { vm } = await start(t, directory);
  const news = await traceVm(directory, 'web', t.signal);
  const first = news.next();
  while (vm.trace.recorder === undefined) await new Promise((resolve) => setImmediate(resolve));
  vm.trace.recorder.posted(4, 1, Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0));
  const { value } = await first;
  assert.ok(value !== undefined && 'records' in value);
  const [record = new Uint8Array()] = recordsIn(value.records) ?? [];
  assert.deepEqual([readRecord(record)?.name, value.lost], ['REQUESTOFFERS', 0]);
  vm.trace.recorder.signalled(0, 7);
  vm.traceEnd.resolve('The VM web ended.');
  const rest = [];
  for await (const one of news) rest.push(one);
  assert.equal(rest.length, 2);
  assert.deepEqual(rest[1], { ended: 'The VM web ended.' });
  while (vm.trace.recorder !== undefined) await new Promise((resolve) => setImmediate(resolve));
});

test('a trace that nobody reads is bounded in the VM, and what is lost is told', async (t) => {
  const directory = directoryFor(t);
  const { vm } = await start(t, directory);
  const news = await traceVm(directory, 'web', t.signal);
  const first = news.next();
  while (vm.trace.recorder === undefined) await new Promise((resolve) => setImmediate(resolve));
  const payload = new Uint8Array(4096);
  const all = 4000;
  for (let count = 0; count < all; count += 1) {
    vm.trace.recorder.posted(1, 1, payload);
    if (count % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  vm.traceEnd.resolve('It ended.');
  let [told, lost] = [0, 0];
  const count = (one: TraceNews | undefined): void => {
    if (one === undefined || 'ended' in one) return;
    told += recordsIn(one.records)?.length ?? 0;
    lost += one.lost;
  };
  count((await first).value);
  for await (const one of news) count(one);
  assert.equal(told + lost, all);
  assert.ok(lost > 0);
});

test('a trace of a VM that is not there, and of one that dies', async (t) => {
  const directory = directoryFor(t);
  await assert.rejects(traceVm(directory, 'none', t.signal), { code: 'no-such-vm' });
  const { vm, server } = await start(t, directory);
  const news = await traceVm(directory, 'web', t.signal);
  const first = news.next();
  while (vm.trace.recorder === undefined) await new Promise((resolve) => setImmediate(resolve));
  const closed = server.close();
  await assert.rejects(first, { code: 'vm-gone', message: /ended without a word/ });
  await closed;
});
