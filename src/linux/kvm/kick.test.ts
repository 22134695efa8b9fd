import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { kickSignal, kickThread } from './kick.ts';

/** Blocks in poll(2) for ever, again and again, and counts how often it was interrupted. */
const source = `
  import { parentPort, workerData } from 'node:worker_threads';
  const { waitReadable, threadId } = await import(workerData.linux);
  const words = new Int32Array(workerData.buffer);
  parentPort.postMessage(threadId());
  while (Atomics.load(words, 1) === 0) {
    if (waitReadable([], -1) === undefined) Atomics.add(words, 0, 1);
    Atomics.notify(words, 0);
  }`;

test('a kick gets a thread out of a blocking call, and does no harm besides', async () => {
  const buffer = new SharedArrayBuffer(8);
  const words = new Int32Array(buffer);
  const linux = new URL('../index.ts', import.meta.url).href;
  const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
  const worker = new Worker(url, { workerData: { buffer, linux } });
  const [tid] = (await once(worker, 'message')) as [number];
  assert.notEqual(tid, process.pid);
  for (let kick = 0; kick < 50; kick++) {
    // A kick that comes while the thread is on its way into poll is missed: that is what the vCPU's flag is for.
    const before = Atomics.load(words, 0);
    while (Atomics.load(words, 0) === before) {
      assert.equal(kickThread(tid), true);
      Atomics.wait(words, 0, before, 5);
    }
  }
  assert.equal(Atomics.load(words, 0) >= 50, true);
  Atomics.store(words, 1, 1);
  const ended = once(worker, 'exit');
  while (kickThread(tid)) await setTimeout(1);
  assert.deepEqual(await ended, [0]);
});

test('the signal is one of the real-time signals, the same each time', () => {
  assert.equal(kickSignal() > 34 && kickSignal() <= 64, true);
  assert.equal(kickSignal(), kickSignal());
});
