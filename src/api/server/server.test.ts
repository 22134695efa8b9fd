import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import test, { type TestContext } from 'node:test';
import { ApiError } from '../errors.ts';
import { ScriptedManager } from '../testing/scripted-manager.ts';
import { served } from '../testing/served.ts';
import { groupIdIn, mayAsk, readAccess } from './access.ts';
import { listen } from './listen.ts';

const isRoot = process.getuid?.() === 0;
/** A group and a user that nobody else has. */
const GROUP = 54_321;
const USER = 65_432;

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'dda-listen-'));
  chmodSync(directory, 0o755);
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'dda.sock');
}

/** Connects as another user, and gives the HTTP status or the errno. */
async function askAs(socketPath: string, userId: number, groupId: number): Promise<string> {
  const program = `require('node:http').get({ socketPath: ${JSON.stringify(socketPath)}, path: '/v1/pools' },
    (response) => { console.log(response.statusCode); response.resume(); }).on('error', (error) => console.log(error.code));`;
  const child = spawn(process.execPath, ['-e', program], {
    uid: userId,
    gid: groupId,
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return (await text(child.stdout)).trim();
}

test('the socket is open to its owner and the group, to nobody else', { skip: !isRoot }, async (t) => {
  const { socketPath } = await served(t, new ScriptedManager(), { access: { groupId: GROUP, ownUserId: 0 } });
  const { mode, uid, gid } = statSync(socketPath);
  assert.deepEqual([mode & 0o7777, uid, gid], [0o660, 0, GROUP]);
});

test('without the group, root alone', async (t) => {
  const { socketPath } = await served(t, new ScriptedManager(), { access: { groupId: undefined, ownUserId: 0 } });
  assert.equal(statSync(socketPath).mode & 0o7777, 0o600);
});

test('strangers may not ask', () => {
  assert.equal(mayAsk({ groupId: GROUP, ownUserId: 0 }, { processId: 1, userId: USER, groupIds: [7, 8] }), false);
  assert.equal(mayAsk({ groupId: undefined, ownUserId: 0 }, { processId: 1, userId: USER, groupIds: [7] }), false);
  assert.equal(mayAsk({ groupId: GROUP, ownUserId: 0 }, { processId: 1, userId: USER, groupIds: [7, GROUP] }), true);
  assert.equal(mayAsk({ groupId: GROUP, ownUserId: 0 }, { processId: 1, userId: 0, groupIds: [0] }), true);
});

test('who is who is the number in group(5)', (t) => {
  const groups = 'root:x:0:\ndda-other:x:5:\ndda:x:990:alice,bob\n';
  assert.equal(groupIdIn(groups, 'dda'), 990);
  assert.equal(groupIdIn('root:x:0:\n', 'dda'), undefined);
  const file = join(dirname(place(t)), 'group');
  assert.equal(readAccess(file).groupId, undefined);
  writeFileSync(file, groups);
  assert.equal(readAccess(file).groupId, 990);
});

test('a dead socket is replaced, a live one is not, and the own one goes with the daemon', async (t) => {
  const path = place(t);
  const options = {
    path,
    access: { groupId: undefined, ownUserId: 0 },
    fetch: () => new Response('{}'),
    failed: (error: unknown) => assert.fail(String(error)),
  };
  // What a daemon leaves that was killed: a socket that nobody listens on.
  const other = createServer().listen(path);
  await once(other, 'listening');
  await assert.rejects(listen(options), (error) => error instanceof ApiError && error.code === 'daemon-running');
  renameSync(path, `${path}.kept`);
  other.close();
  await once(other, 'close');
  renameSync(`${path}.kept`, path);
  assert.ok(existsSync(path));
  const server = await listen(options);
  await server.close();
  assert.equal(existsSync(path), false);
});

test('a place that can not be had', async (t) => {
  const path = join(dirname(place(t)), 'file', 'dda.sock');
  writeFileSync(dirname(path), '');
  const options = { path, access: readAccess(), fetch: () => new Response(), failed: () => undefined };
  await assert.rejects(listen(options), (error) => error instanceof ApiError && error.code === 'daemon-setup-failed');
});

test('what is no HTTP is refused as a problem, too', async (t) => {
  const { socketPath } = await served(t, new ScriptedManager());
  const socket = createConnection(socketPath);
  socket.write('hello?\r\n\r\n');
  assert.match(
    await text(socket),
    /^HTTP\/1\.1 400 Bad Request\r\n.*application\/problem\+json.*"code":"request-malformed"/s,
  );
});

test('a request under way is answered when the daemon ends, up to a limit', async (t) => {
  const manager = new ScriptedManager();
  let open: () => void = () => undefined;
  manager.gate = new Promise((resolve) => {
    open = resolve;
  });
  const { json, server } = await served(t, manager);
  const answer = json('POST', '/v1/pools', { name: 'fast' });
  while (manager.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
  const closed = server.close();
  open();
  assert.equal((await answer).status, 200);
  await closed;
});

test('other users, by the permissions and by the peer', { skip: !isRoot }, async (t) => {
  const { socketPath } = await served(t, new ScriptedManager(), { access: { groupId: GROUP, ownUserId: 0 } });
  chmodSync(dirname(socketPath), 0o755);
  assert.equal(await askAs(socketPath, USER, USER), 'EACCES');
  assert.equal(await askAs(socketPath, USER, GROUP), '200');
  chmodSync(socketPath, 0o666);
  assert.equal(await askAs(socketPath, USER, USER), '403');
  assert.equal(await askAs(socketPath, USER, GROUP), '200');
});
