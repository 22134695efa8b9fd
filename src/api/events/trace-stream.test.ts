import assert from 'node:assert/strict';
import test from 'node:test';
import type { TraceChunk } from '../../trace/index.ts';
import { recordedHypercalls } from '../../trace/testing/index.ts';
import type { TraceEventJson } from '../schemas/trace.ts';
import { ScriptedManager } from '../testing/scripted-manager.ts';
import { served } from '../testing/served.ts';

/** As a VM process sends them: each after its length. */
function chunkOf(records: readonly Uint8Array[], lost = 0): TraceChunk {
  const parts = records.map((record) => {
    const part = Buffer.alloc(4 + record.byteLength);
    part.writeUInt32LE(record.byteLength);
    part.set(record, 4);
    return part;
  });
  return { records: Buffer.concat(parts), lost };
}

async function all(events: AsyncGenerator<TraceEventJson>): Promise<TraceEventJson[]> {
  const seen: TraceEventJson[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

const until = async (done: () => boolean): Promise<void> => {
  while (!done()) await new Promise((resolve) => setImmediate(resolve));
};

test('records are told by their tables, and how the VM ended is the last word', async (t) => {
  const manager = new ScriptedManager();
  const { client } = await served(t, manager);
  const records = recordedHypercalls();
  const events = await client.trace('web', t.signal);
  manager.record('web', chunkOf(records, 3));
  manager.emit({ kind: 'vm-removed', name: 'db', exitCode: 0, guestEnd: undefined });
  const guestEnd = { how: 'power-off', detail: 'the guest powered off' };
  manager.emit({ kind: 'vm-removed', name: 'web', exitCode: 0, guestEnd });
  const [lost, first, ...others] = await all(events);
  assert.deepEqual(lost, { kind: 'lost', count: 3 });
  assert.ok(first?.kind === 'record');
  assert.deepEqual(
    [first.recordKind, first.name, first.status, first.vp],
    ['hypercall', 'HvCallPostMessage', 'SUCCESS', 1],
  );
  assert.equal(first.time, '2026-01-02T03:04:05.001234567Z');
  assert.deepEqual(Buffer.from(first.bytes, 'base64'), Buffer.from(records[0] ?? []));
  assert.equal(others.length, records.length);
  assert.deepEqual(others.at(-1), { kind: 'ended', sentence: 'The VM web ended: the guest powered off.' });
});

test('several may read one VM, and one that goes away is not told any more', async (t) => {
  const manager = new ScriptedManager();
  const { client, slots } = await served(t, manager);
  const gone = new AbortController();
  const [staying, going] = [await client.trace('web', t.signal), await client.trace('web', gone.signal)];
  const chunk = chunkOf(recordedHypercalls().slice(0, 1));
  assert.equal(manager.record('web', chunk), 2);
  for (const reader of [staying, going]) assert.equal((await reader.next()).value?.kind, 'record');
  gone.abort();
  await until(() => slots.open === 1);
  assert.equal(manager.record('web', chunk), 1);
});

test('a reader that does not read costs a bounded amount, and is told what it lost', async (t) => {
  const manager = new ScriptedManager();
  const { client } = await served(t, manager);
  const events = await client.trace('web', t.signal);
  const records = recordedHypercalls();
  const chunk = chunkOf(Array.from({ length: 20 }, () => records).flat());
  const chunks = 2000;
  for (let count = 0; count < chunks; count += 1) {
    manager.record('web', chunk);
    if (count % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  manager.emit({ kind: 'vm-removed', name: 'web', exitCode: 0, guestEnd: undefined });
  let [told, lost] = [0, 0];
  for await (const event of events) {
    if (event.kind === 'record') told += 1;
    if (event.kind === 'lost') lost += event.count;
  }
  assert.equal(told + lost, chunks * 20 * records.length);
  assert.ok(lost > told);
});

test('the daemon ends traces when it ends', async (t) => {
  const manager = new ScriptedManager();
  const { client, slots } = await served(t, manager);
  const events = await client.trace('web', t.signal);
  slots.endAll();
  assert.deepEqual(await all(events), [{ kind: 'ended', sentence: 'The daemon ended.' }]);
});
