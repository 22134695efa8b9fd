import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type TestContext } from 'node:test';
import { bindDatagramSocket, closeFile, receiveDatagram } from '../../linux/index.ts';
import { DaemonClient } from '../client/daemon-client.ts';
import { ApiError } from '../errors.ts';
import { ScriptedManager } from '../testing/scripted-manager.ts';
import { Notifier } from './notifier.ts';
import { serve } from './serve.ts';
import { lockState } from './state-lock.ts';
import { keepWatchdogFed } from './watchdog.ts';

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'dda-daemon-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

interface ServiceManager {
  readonly path: string;
  /** What it was told since the last time. */
  readonly told: () => string[];
}

function serviceManager(t: TestContext): ServiceManager {
  const path = join(place(t), 'notify');
  const socket = bindDatagramSocket(path);
  t.after(() => closeFile(socket));
  return {
    path,
    told: () => {
      const texts: string[] = [];
      for (let bytes = receiveDatagram(socket, 4096); bytes !== undefined; bytes = receiveDatagram(socket, 4096)) {
        texts.push(Buffer.from(bytes).toString());
      }
      return texts;
    },
  };
}

test('a daemon from start to end: ready when it answers, and the manager let go of in the end', async (t) => {
  const directory = place(t);
  const systemd = serviceManager(t);
  process.env['NOTIFY_SOCKET'] = systemd.path;
  const manager = new ScriptedManager();
  const end = new AbortController();
  const socketPath = join(directory, 'run', 'dda.sock');
  const options = {
    stateDirectory: join(directory, 'state'),
    socketPath,
    logLevel: 'silent',
    version: '1.2.3',
    openManager: () => Promise.resolve({ manager, close: () => manager.close() }),
    signal: end.signal,
  } as const;
  const running = serve(options);
  let told = systemd.told();
  while (told.length === 0) {
    await sleep(5);
    told = systemd.told();
  }
  assert.deepEqual(told, [`READY=1\nSTATUS=serving at ${socketPath}`]);
  assert.equal(process.env['NOTIFY_SOCKET'], undefined);
  const client = new DaemonClient(socketPath);
  assert.deepEqual(await client.ask(client.routes.pools.$get()), { pools: ['default'] });
  await assert.rejects(
    serve(options),
    (error) =>
      error instanceof ApiError && error.code === 'daemon-running' && error.message.includes(`process ${process.pid}.`),
  );
  end.abort();
  await running;
  assert.deepEqual(systemd.told(), ['STOPPING=1']);
  assert.equal(manager.closed, true);
  assert.equal(existsSync(socketPath), false);
  await assert.rejects(
    client.ask(client.routes.pools.$get()),
    (error) => error instanceof ApiError && error.code === 'daemon-not-running',
  );
  const again = new AbortController();
  again.abort();
  await serve({ ...options, signal: again.signal });
});

test('a manager that refuses to start ends the daemon with its own words, and frees the directory', async (t) => {
  const directory = place(t);
  const refusal = new Error('the journal is of a newer version');
  const options = {
    stateDirectory: directory,
    socketPath: join(directory, 'dda.sock'),
    logLevel: 'silent',
    version: '1.2.3',
    openManager: () => Promise.reject(refusal),
    signal: t.signal,
  } as const;
  await assert.rejects(serve(options), refusal);
  lockState(directory)();
  assert.equal(existsSync(options.socketPath), false);
});

test('a manager that can not go on ends the daemon with what it says, so that it is started anew', async (t) => {
  const directory = place(t);
  const manager = new ScriptedManager();
  const broken = new Error('disk I/O error');
  let fail: (error: unknown) => void = () => undefined;
  const running = serve({
    stateDirectory: directory,
    socketPath: join(directory, 'dda.sock'),
    logLevel: 'silent',
    version: '1.2.3',
    openManager: (_, { fatal }) => {
      fail = fatal;
      return Promise.resolve({ manager, close: () => manager.close() });
    },
    signal: t.signal,
  });
  const ended = assert.rejects(running, broken);
  while (!existsSync(join(directory, 'dda.sock'))) await sleep(5);
  fail(broken);
  await ended;
  assert.equal(manager.closed, true);
  lockState(directory)();
});

test('the lock names who has it', (t) => {
  const directory = place(t);
  const unlock = lockState(directory);
  assert.equal(readFileSync(join(directory, 'lock'), 'utf8'), `${process.pid}\n`);
  assert.throws(
    () => lockState(directory),
    (error) =>
      error instanceof ApiError && error.code === 'daemon-running' && error.details['processId'] === process.pid,
  );
  unlock();
  lockState(directory)();
});

test('the watchdog is fed while the journal answers, at half of its time', async (t) => {
  const systemd = serviceManager(t);
  const notifier = new Notifier({
    NOTIFY_SOCKET: systemd.path,
    WATCHDOG_USEC: '20000',
    WATCHDOG_PID: `${process.pid}`,
  });
  assert.equal(notifier.watchdogMs, 10);
  let isWell = true;
  const failures: unknown[] = [];
  const broken = new Error('disk I/O error');
  const end = keepWatchdogFed(
    notifier,
    () => {
      if (!isWell) throw broken;
    },
    (error) => failures.push(error),
  );
  t.after(end);
  let told: string[] = [];
  while (told.length < 2) {
    await sleep(5);
    told = [...told, ...systemd.told()];
  }
  assert.deepEqual(new Set(told), new Set(['WATCHDOG=1']));
  isWell = false;
  systemd.told();
  while (failures.length < 2) await sleep(5);
  assert.deepEqual([systemd.told(), failures[0]], [[], broken]);
});

test('without a service manager, or with the watchdog of another process, nothing is told', () => {
  assert.equal(new Notifier({}).watchdogMs, undefined);
  new Notifier({}).tell('READY=1');
  assert.equal(new Notifier({ WATCHDOG_USEC: '20000', WATCHDOG_PID: '1' }).watchdogMs, undefined);
});
