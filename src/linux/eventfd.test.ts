import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventFd } from './eventfd.ts';

test('signals add up until they are drained', () => {
  const event = EventFd.create();
  assert.equal(event.drain(), 0n);
  event.signal();
  event.signal();
  assert.equal(event.drain(), 2n);
  assert.equal(event.drain(), 0n);
  event.close();
  event.close();
  assert.throws(() => event.signal(), { code: 'EBADF' });
});

test('the event loop is told, once for signals that came together', async () => {
  const event = EventFd.create();
  const counts: bigint[] = [];
  await new Promise<void>((resolve) => {
    const watch = event.onSignal((count) => {
      counts.push(count);
      if (counts.length === 2) {
        watch.stop();
        watch.stop();
        resolve();
      } else {
        event.signal();
      }
    });
    event.signal();
    event.signal();
  });
  assert.deepEqual(counts, [2n, 1n]);
  event.signal();
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(counts, [2n, 1n], 'stopped');
  event.close();
});

test('a watch that keeps nothing alive lets the process end', () => {
  const event = EventFd.create();
  event.onSignal(() => undefined).keepAlive(false);
  // The test runner waits for this process: it hangs if the watch holds it.
});
