import assert from 'node:assert/strict';
import { mkdtempSync, openSync, rmSync, closeSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { closeFile } from './libc/files.ts';
import { lockFile } from './libc/file-lock.ts';
import { bindDatagramSocket, receiveDatagram, sendDatagram, socketPeer } from './libc/unix-sockets.ts';
import { SystemCallError } from './libc/system-call-error.ts';

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'dda-sockets-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

test('the peer of a connection: this process, with its user and groups', async (t) => {
  const path = join(place(t), 'socket');
  const server = createServer().listen(path);
  t.after(() => server.close());
  const client = createConnection(path);
  const [accepted] = (await once(server, 'connection')) as [Socket];
  const handle: unknown = Reflect.get(accepted, '_handle');
  assert.ok(typeof handle === 'object' && handle !== null && 'fd' in handle && typeof handle.fd === 'number');
  const peer = socketPeer(handle.fd);
  assert.equal(peer.processId, process.pid);
  assert.equal(peer.userId, process.getuid?.());
  assert.equal(peer.groupIds[0], process.getgid?.());
  assert.deepEqual(new Set(peer.groupIds), new Set([process.getgid?.() ?? -1, ...(process.getgroups?.() ?? [])]));
  client.destroy();
  accepted.destroy();
});

for (const kind of ['a path', 'a name without a file']) {
  test(`datagrams arrive whole, one by one, at ${kind}`, (t) => {
    const path = kind === 'a path' ? join(place(t), 'notify') : `@dda-test-${process.pid}`;
    const socket = bindDatagramSocket(path);
    t.after(() => closeFile(socket));
    sendDatagram(path, Buffer.from('READY=1'));
    sendDatagram(path, Buffer.from('WATCHDOG=1'));
    assert.equal(Buffer.from(receiveDatagram(socket, 100) ?? []).toString(), 'READY=1');
    assert.equal(Buffer.from(receiveDatagram(socket, 100) ?? []).toString(), 'WATCHDOG=1');
    assert.equal(receiveDatagram(socket, 100), undefined);
  });
}

test('a datagram to nobody is told', (t) => {
  const path = join(place(t), 'nobody');
  assert.throws(
    () => sendDatagram(path, Buffer.from('x')),
    (error) => error instanceof SystemCallError && error.code === 'ENOENT',
  );
});

test('a file is locked once, and free again when it is closed', (t) => {
  const path = join(place(t), 'lock');
  const first = openSync(path, 'a');
  const second = openSync(path, 'a');
  t.after(() => closeSync(second));
  assert.equal(lockFile(first), true);
  assert.equal(lockFile(second), false);
  closeSync(first);
  assert.equal(lockFile(second), true);
});
