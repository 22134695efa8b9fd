import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { unixFetch } from './unix-fetch.ts';

/** A daemon that says `text` to whoever connects, and then dies without another word. */
async function dyingDaemon(t: TestContext, text: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'dda-fetch-'));
  const path = join(directory, 'socket');
  const server = createServer((socket: Socket) => {
    socket.once('data', () => socket.write(text, () => setImmediate(() => socket.destroy())));
    socket.on('error', () => socket.destroy());
  }).listen(path);
  await once(server, 'listening');
  t.after(() => {
    server.close();
    rmSync(directory, { recursive: true });
  });
  return path;
}

test('a stream that the daemon does not end is told as that', async (t) => {
  const head = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n';
  const response = await unixFetch(await dyingDaemon(t, `${head}5\r\nhello\r\n`))('http://localhost/v1/events');
  const seen: string[] = [];
  await assert.rejects(
    async () => {
      assert.ok(response.body !== null);
      for await (const bytes of response.body) seen.push(Buffer.from(bytes).toString());
    },
    { code: 'daemon-unreachable', message: /the connection broke/ },
  );
  assert.deepEqual(seen, ['hello']);
});

test('a daemon that dies before it has answered, and one that is not there', async (t) => {
  await assert.rejects(unixFetch(await dyingDaemon(t, 'HTTP/1.1'))('http://localhost/'), {
    code: 'daemon-unreachable',
  });
  await assert.rejects(unixFetch('/nowhere/dda.sock')('http://localhost/'), { code: 'daemon-not-running' });
});
