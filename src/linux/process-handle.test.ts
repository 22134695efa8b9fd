import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { test } from 'node:test';
import { ProcessHandle } from './process-handle.ts';
import { countOpenFiles, readProcessStatus } from './procfs.ts';

const { SIGKILL, SIGSTOP } = constants.signals;

test('a stopped process is seen as that, is killed all the same, and its end is told', async () => {
  const before = countOpenFiles();
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  const handle = ProcessHandle.open(child.pid ?? 0);
  assert.ok(handle !== undefined);
  assert.equal(handle.hasEnded, false);
  assert.equal(handle.signal(SIGSTOP), true);
  while (readProcessStatus(handle.processId)?.state !== 'T') await new Promise((resolve) => setTimeout(resolve, 1));
  const ended = new Promise<void>((resolve) => handle.onEnd(resolve));
  const collected = once(child, 'exit');
  assert.equal(handle.signal(SIGKILL), true);
  await ended;
  assert.equal(handle.hasEnded, true);
  assert.deepEqual(await collected, [null, 'SIGKILL']);
  assert.equal(handle.signal(SIGKILL), false, 'whoever has its id now is not meant');
  handle.close();
  assert.equal(countOpenFiles(), before);
});

test('a process that is not there has no handle', () => {
  assert.equal(ProcessHandle.open(2 ** 22 + 1), undefined);
});
