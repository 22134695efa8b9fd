import assert from 'node:assert/strict';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import { type QmpEvent, QmpClient } from './qmp-client.ts';
import { RigErrorCode } from './rig-error.ts';

const GREETING = '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": ["oob"]}}\r\n';

/** A client, and QEMU's end of its connection. */
function connect(): {
  client: QmpClient;
  received: () => Promise<Record<string, unknown>>;
  send: (text: string) => void;
  close: () => void;
} {
  const [clientEnd, qemuEnd] = duplexPair();
  const lines = qemuEnd.setEncoding('utf8').iterator();
  return {
    client: new QmpClient(clientEnd),
    received: async () => JSON.parse(String((await lines.next()).value)) as Record<string, unknown>,
    send: (text) => qemuEnd.write(text),
    close: () => clientEnd.destroy(),
  };
}

test('negotiates after the greeting', async () => {
  const { client, received, send } = connect();
  send(GREETING);
  const negotiated = client.negotiate();
  assert.deepEqual(await received(), { execute: 'qmp_capabilities', arguments: {}, id: 1 });
  send('{"return": {}, "id": 1}\r\n');
  await negotiated;
});

test('replies find their command, in whatever order and pieces they come', async () => {
  const { client, received, send } = connect();
  const first = client.execute('query-status', {});
  await received();
  const second = client.execute('query-name', {});
  await received();
  send('{"return": {"name": "rig"}, "id"');
  send(': 2}\r\n{"return": {"status": "running"}, "id": 1}\r\n');
  assert.deepEqual(await second, { name: 'rig' });
  assert.deepEqual(await first, { status: 'running' });
});

test("a refusal carries QEMU's own words", async () => {
  const { client, received, send } = connect();
  const refused = client.execute('device_del', { id: 'nvme7' });
  await received();
  send('{"error": {"class": "DeviceNotFound", "desc": "Device \'nvme7\' not found"}, "id": 1}\r\n');
  await assert.rejects(refused, {
    code: RigErrorCode.monitorRefused,
    message: "QEMU refused device_del: Device 'nvme7' not found",
  });
});

test('events go to those who listen, until they stop', () => {
  const { client, send } = connect();
  const events: QmpEvent[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = client.onEvent((event) => {
    events.push(event);
    stop();
  });
  client.onEvent(({ event }) => {
    if (event === 'SHUTDOWN') resolve();
  });
  send('{"event": "DEVICE_DELETED", "data": {"device": "nvme0"}}\r\n{"event": "SHUTDOWN"}\r\n');
  return promise.then(() => assert.deepEqual(events, [{ event: 'DEVICE_DELETED', data: { device: 'nvme0' } }]));
});

test('when QEMU is gone, what waits and what comes later fails', async () => {
  const { client, received, close } = connect();
  const waiting = client.execute('query-status', {});
  await received();
  close();
  await assert.rejects(waiting, { code: RigErrorCode.died });
  await assert.rejects(client.execute('query-status', {}), { code: RigErrorCode.died });
});
