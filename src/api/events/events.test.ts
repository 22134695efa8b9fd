import assert from 'node:assert/strict';
import test from 'node:test';
import { readEvents } from '../client/event-reader.ts';
import type { EventJson } from '../schemas/audit.ts';
import { ScriptedManager } from '../testing/scripted-manager.ts';
import { type Served, served } from '../testing/served.ts';

async function from(api: Served, id: string | undefined, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const response = await api.fetch('/v1/events', { headers: id === undefined ? {} : { 'last-event-id': id }, signal });
  assert.deepEqual([response.status, response.headers.get('content-type')], [200, 'text/event-stream']);
  return response.body ?? assert.fail('no body');
}

async function take(stream: ReadableStream<Uint8Array>, count: number): Promise<(string | number)[]> {
  const seen: (string | number)[] = [];
  for await (const event of readEvents<EventJson>(stream)) {
    seen.push(event.kind, event.revision);
    if (seen.length === count * 2) break;
  }
  return seen;
}

test('changes arrive as they happen, each with an id', async (t) => {
  const manager = new ScriptedManager();
  const api = await served(t, manager);
  const gone = new AbortController();
  const stream = await from(api, undefined, gone.signal);
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  assert.equal(decoder.decode((await reader.read()).value), 'retry: 1000\nid: run1-0\n\n');
  manager.emit({ kind: 'pools-changed', pools: ['default', 'fast'] });
  assert.equal(
    decoder.decode((await reader.read()).value),
    'id: run1-1\nevent: pools-changed\ndata: {"revision":1,"at":"2026-01-02T03:04:05.000Z","kind":"pools-changed","pools":["default","fast"]}\n\n',
  );
  gone.abort();
  while (api.slots.open > 0) await new Promise((resolve) => setImmediate(resolve));
});

test('a reader that comes back gets exactly what it missed', async (t) => {
  const manager = new ScriptedManager();
  const api = await served(t, manager);
  for (let i = 0; i < 5; i += 1) manager.emit({ kind: 'pools-changed', pools: [] });
  const stream = await from(api, 'run1-2', t.signal);
  assert.deepEqual(await take(stream, 3), ['pools-changed', 3, 'pools-changed', 4, 'pools-changed', 5]);
});

test('what is gone from the log is told as lost, and the stream goes on from now', async (t) => {
  const manager = new ScriptedManager();
  const api = await served(t, manager, { eventCapacity: 4 });
  for (let i = 0; i < 20; i += 1) manager.emit({ kind: 'pools-changed', pools: [] });
  const stream = await from(api, 'run1-2', t.signal);
  const seen = take(stream, 2);
  setImmediate(() => manager.emit({ kind: 'pools-changed', pools: [] }));
  assert.deepEqual((await seen).slice(0, 2), ['lost', 20]);
  assert.deepEqual((await seen).slice(2), ['pools-changed', 21]);
});

test('an id of an earlier run of the daemon means nothing now', async (t) => {
  const manager = new ScriptedManager();
  const api = await served(t, manager);
  for (let i = 0; i < 3; i += 1) manager.emit({ kind: 'pools-changed', pools: [] });
  assert.deepEqual(await take(await from(api, 'run0-3', t.signal), 1), ['lost', 3]);
  assert.deepEqual(await take(await from(api, 'run1-99', t.signal), 1), ['lost', 3]);
});

test('a reader that does not read costs a bounded amount, and is told what it lost', async (t) => {
  const manager = new ScriptedManager();
  const api = await served(t, manager, { eventCapacity: 50 });
  const stream = await from(api, undefined, t.signal);
  const pools = Array.from({ length: 200 }, (_, i) => `pool-${i}`);
  // Far more than a socket's buffers hold.
  for (let i = 0; i < 5000; i += 1) {
    manager.emit({ kind: 'pools-changed', pools });
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  let [last, lostAt] = [0, 0];
  for await (const event of readEvents<EventJson>(stream)) {
    if (event.kind === 'lost') lostAt = event.revision;
    else assert.equal(event.revision, last + 1);
    last = event.revision;
    if (last === 5000) break;
  }
  assert.ok(lostAt > 0);
});

test('the daemon ends streams when it ends, and takes no more', async (t) => {
  const api = await served(t, new ScriptedManager());
  const stream = await from(api, undefined, t.signal);
  api.slots.endAll();
  assert.deepEqual(await take(stream, 1), []);
  assert.equal(api.slots.open, 0);
  assert.equal((await api.refused('GET', '/v1/events')).code, 'daemon-stopping');
});

test('so many streams and no more', async (t) => {
  const api = await served(t, new ScriptedManager());
  const free = Array.from({ length: 64 }, () => api.slots.take('test'));
  const { status, code } = await api.refused('GET', '/v1/events');
  assert.deepEqual([status, code], [503, 'daemon-busy']);
  free[0]?.();
  free[0]?.();
  assert.equal(api.slots.open, 63);
  await (await from(api, undefined, t.signal)).cancel();
});

test('HEAD of a stream says what GET would, and keeps no place', async (t) => {
  const api = await served(t, new ScriptedManager());
  for (const path of ['/v1/events', '/v1/vms/web/console', '/v1/vms/web/trace']) {
    const response = await api.fetch(path, { method: 'HEAD' });
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type') ?? '', /^(?:text\/event-stream|application\/octet-stream)$/);
    assert.equal(api.slots.open, 0, path);
  }
});

test('a guest that prints more than anybody reads: the oldest is lost, and that is said', async (t) => {
  const manager = new ScriptedManager();
  const api = await served(t, manager);
  const console = await api.client.console('web', t.signal);
  const line = `${'x'.repeat(64 * 1024 - 1)}\n`;
  for (let i = 0; i < 100; i += 1) manager.print('web', line);
  manager.print('web', 'the end\n');
  let text = '';
  for await (const bytes of console) {
    text += Buffer.from(bytes).toString();
    if (text.endsWith('the end\n')) break;
  }
  assert.match(text, /\[\d+ bytes of output were lost: nobody read them\]/);
  assert.ok(text.length < 10 * 64 * 1024, `${text.length}`);
});
