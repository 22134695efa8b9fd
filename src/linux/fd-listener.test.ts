import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { EventFd } from './eventfd.ts';
import { FdListener } from './fd-listener.ts';
import { FdSocket } from './fd-socket.ts';
import { countOpenFiles } from './procfs.ts';

function pathFor(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'dda-socket-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'vm.sock');
}

function connected(path: string): FdSocket {
  const socket = FdSocket.connect(path);
  assert.ok(socket instanceof FdSocket);
  return socket;
}

test('a connection carries messages and descriptors, and tells who is there', (t) => {
  const path = pathFor(t);
  const before = countOpenFiles();
  assert.equal(FdSocket.connect(path), 'nobody');
  const listener = FdListener.bind(path);
  assert.equal(listener.accept(), undefined);
  const client = connected(path);
  const event = EventFd.create();
  client.send(Uint8Array.of(7), [event.fd]);
  const server = listener.accept();
  assert.ok(server !== undefined);
  const { processId, userId, groupIds } = server.peer;
  assert.deepEqual([processId, userId, groupIds[0]], [process.pid, process.getuid?.(), process.getgid?.()]);
  const message = server.receive();
  assert.ok(message !== undefined && message !== 'closed');
  assert.deepEqual([...message.payload], [7]);
  const received = EventFd.fromFd(message.fds[0] ?? -1);
  received.signal();
  assert.equal(event.drain(), 1n);
  for (const thing of [received, event, client, server, listener]) thing.close();
  assert.equal(FdSocket.connect(path), 'nobody', 'the file is left, nobody listens');
  assert.equal(countOpenFiles(), before);
});

test('a path that is taken, one that is too long', (t) => {
  const path = pathFor(t);
  const listener = FdListener.bind(path);
  const before = countOpenFiles();
  assert.throws(() => FdListener.bind(path), { code: 'EADDRINUSE', call: 'bind' });
  assert.throws(() => FdListener.bind(path.padEnd(108, 'x')), RangeError);
  assert.throws(() => FdSocket.connect(path.padEnd(108, 'x')), RangeError);
  assert.equal(countOpenFiles(), before);
  listener.close();
});

test('nobody waits for a listener that accepts nothing', (t) => {
  const path = pathFor(t);
  const listener = FdListener.bind(path, 1);
  const sockets: FdSocket[] = [];
  for (;;) {
    const socket = FdSocket.connect(path);
    if (!(socket instanceof FdSocket)) {
      assert.equal(socket, 'busy');
      break;
    }
    sockets.push(socket);
  }
  assert.ok(sockets.length >= 1 && sockets.length <= 3);
  for (const thing of [...sockets, listener]) thing.close();
});

test('an end that takes no descriptors gets none', (t) => {
  const path = pathFor(t);
  const listener = FdListener.bind(path);
  const client = FdSocket.connect(path, 64, 0);
  assert.ok(client instanceof FdSocket);
  const server = listener.accept();
  assert.ok(server !== undefined);
  const before = countOpenFiles();
  server.send(Uint8Array.of(1), [listener.fd]);
  server.send(Uint8Array.of(2));
  assert.throws(() => client.receive(), { code: 'fd-message-too-long' });
  assert.deepEqual(client.receive(), { payload: Uint8Array.of(2), fds: [] });
  assert.equal(countOpenFiles(), before);
  for (const thing of [client, server, listener]) thing.close();
});

test('the event loop is told of a connection, and of room in a socket that was full', async (t) => {
  const path = pathFor(t);
  const listener = FdListener.bind(path);
  const accepted = Promise.withResolvers<FdSocket | undefined>();
  listener.onConnection(() => accepted.resolve(listener.accept()));
  const client = connected(path);
  const server = await accepted.promise;
  assert.ok(server !== undefined);
  server.onReadable(() => undefined).stop();
  while (server.send(new Uint8Array(30_000)));
  const room = new Promise<void>((resolve) => server.onceWritable(resolve));
  while (client.receive() !== undefined);
  await room;
  assert.equal(server.send(Uint8Array.of(1)), true);
  // What it leaves unread would make the end a reset.
  assert.notEqual(client.receive(), undefined);
  const hungUp = new Promise<void>((resolve) => server.onceWritable(resolve));
  client.close();
  await hungUp;
  assert.throws(() => server.send(Uint8Array.of(1)), { code: 'EPIPE' });
  for (const thing of [server, listener]) thing.close();
});
