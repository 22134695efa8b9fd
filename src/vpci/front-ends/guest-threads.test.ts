import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GuestThreads, Mutex, type Steps, WorkQueue } from './guest-threads.ts';

function* sleep(ms: number): Steps<void> {
  yield { label: 'asleep', ready: () => false, timeoutMs: ms };
}

test('threads go on in the order in which their time comes, and time goes only when told', () => {
  const threads = new GuestThreads();
  const seen: string[] = [];
  for (const ms of [30, 10, 20]) {
    threads.spawn(
      String(ms),
      (function* () {
        yield* sleep(ms);
        seen.push(`${ms} at ${threads.nowMs}`);
      })(),
    );
  }
  assert.equal(threads.nextDeadlineMs, 10);
  threads.run();
  assert.deepEqual(seen, []);
  threads.advance(25);
  assert.deepEqual(seen, ['10 at 10', '20 at 20']);
  assert.equal(threads.nowMs, 25);
  threads.advance(100);
  assert.deepEqual(seen.at(-1), '30 at 30');
  assert.deepEqual([threads.snapshot(), threads.nextDeadlineMs], [[], undefined]);
});

test('a wait that is ready in time says so, and one that is not says that, too', () => {
  const threads = new GuestThreads();
  let happened = false;
  const ends: string[] = [];
  for (const timeoutMs of [10, 30]) {
    threads.spawn(
      'waits',
      (function* () {
        ends.push(yield { label: 'for it', ready: () => happened, timeoutMs });
      })(),
    );
  }
  threads.advance(20);
  happened = true;
  threads.run();
  assert.deepEqual(ends, ['timed-out', 'ready']);
});

test('one at a time has a lock; others get it in turn', () => {
  const threads = new GuestThreads();
  const lock = new Mutex('bus');
  const seen: string[] = [];
  for (const name of ['a', 'b', 'c']) {
    threads.spawn(
      name,
      (function* () {
        yield* lock.acquire();
        seen.push(`${name} in`);
        yield* sleep(10);
        seen.push(`${name} out`);
        lock.release();
      })(),
    );
  }
  assert.deepEqual(threads.snapshot(), ['a: asleep', 'b: lock bus', 'c: lock bus']);
  threads.advance(100);
  assert.deepEqual(seen, ['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
});

test('work is done in order, also work that comes of work', () => {
  const threads = new GuestThreads();
  const queue = new WorkQueue(threads, 'work');
  const seen: number[] = [];
  const work = (number: number) =>
    function* (): Steps<void> {
      if (number === 1) queue.add(work(3));
      yield* sleep(5);
      seen.push(number);
    };
  // The first is begun at once, and asks for the third before anybody asks for the second.
  queue.add(work(1));
  queue.add(work(2));
  assert.equal(queue.idle, false);
  threads.advance(100);
  assert.deepEqual(seen, [1, 3, 2]);
  assert.equal(queue.idle, true);
});

test('an error of a thread comes out where time was let pass, and the thread has ended', () => {
  const threads = new GuestThreads();
  threads.spawn(
    'fails',
    (function* () {
      yield* sleep(1);
      throw new Error('a bug');
    })(),
  );
  assert.throws(() => threads.advance(1), /a bug/);
  assert.deepEqual(threads.snapshot(), []);
});

test('threads that wake each other for ever are found out', () => {
  const threads = new GuestThreads();
  const spin = (function* (): Steps<void> {
    for (;;) yield { label: 'spinning', ready: () => true };
  })();
  assert.throws(() => threads.spawn('spins', spin), /never come to rest: spins: spinning/);
});
