import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { HammerOrder } from './testing/uart-hammer.ts';
import { allocateUartState, Uart16550 } from './uart-16550.ts';

const COUNT = 40_000;

test('two threads send at once: nothing lost, each in order, the interrupt line only ever changes', {
  timeout: 60_000,
}, async () => {
  const state = allocateUartState();
  const lineBuffer = new SharedArrayBuffer(16);
  const line = new Int32Array(lineBuffer);
  const uart = new Uart16550(state, {
    setIrqLevel: (level) => {
      if (line[0] === level) line[2] = (line[2] ?? 0) + 1;
      line[0] = level;
      line[1] = (line[1] ?? 0) + 1;
    },
    outputReady: () => undefined,
    inputWanted: () => undefined,
  });
  uart.write(4, 0x0b);
  uart.write(1, 0x02);
  const workers = [0x00, 0x80].map((tag) => {
    const order: HammerOrder = { state, line: lineBuffer, tag, count: COUNT };
    return new Worker(new URL('./testing/uart-hammer.ts', import.meta.url), { workerData: order });
  });
  const exits = Promise.all(
    workers.map((worker) => new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject))),
  );

  const next = [0, 0];
  let received = 0;
  const target = new Uint8Array(4096);
  while (received < 2 * COUNT) {
    const count = uart.drainOutput(target);
    for (const byte of target.subarray(0, count)) {
      const thread = byte >> 7;
      assert.equal(byte & 0x7f, (next[thread] ?? 0) & 0x7f);
      next[thread] = (next[thread] ?? 0) + 1;
    }
    received += count;
    if (count === 0) await turn();
  }
  await exits;
  assert.deepEqual(next, [COUNT, COUNT]);
  assert.equal(Atomics.load(line, 3), 2, 'both threads came to their end');
  assert.equal(line[2], 0, 'a level is set only when it differs from the last');
  assert.ok((line[1] ?? 0) > COUNT / 2, 'the line did change');
});
