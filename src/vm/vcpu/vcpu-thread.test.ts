import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { allocateRtcState, allocateUartState } from '../devices/index.ts';
import { DeviceLoop } from './device-loop.ts';
import { Doorbell } from './doorbell.ts';
import { MailboxWord, Turn } from './mailbox.ts';
import { type Script, SCRIPT_OVER, SCRIPTED_VCPU, ScriptWord, scriptedVcpu } from './testing/script.ts';
import { VcpuThread } from './vcpu-thread.ts';

const timeout = 60_000;
const EBADF = 9;

/** Threads that run `scripts`, one vCPU each, and the loop that serves them. */
function machine(scripts: readonly Script[], serve: (index: number) => void = () => undefined) {
  const { doorbell, handle } = Doorbell.create();
  const vcpus = scripts.map((script, id) => scriptedVcpu(id, script));
  const threads = vcpus.map(
    ({ vcpu }) =>
      new VcpuThread({
        vcpu,
        vmFd: -1,
        doorbell: handle,
        uart: allocateUartState(),
        rtc: allocateRtcState(),
        program: SCRIPTED_VCPU,
      }),
  );
  const ended: [number, number][] = [];
  const served = scripts.map(() => 0);
  const loop = new DeviceLoop({
    doorbell,
    mailboxes: threads.map((thread) => thread.mailbox),
    serve: (index) => {
      serve(index);
      const words = vcpus[index]?.words;
      assert.ok(words);
      served[index] = (served[index] ?? 0) + 1;
      assert.equal(Atomics.load(words, ScriptWord.Exits), served[index], 'each exit comes once, in order');
      Atomics.store(words, ScriptWord.Served, served[index]);
    },
    serial: () => {
      for (const { words } of vcpus) {
        Atomics.add(words, ScriptWord.SerialServed, 1);
        Atomics.notify(words, ScriptWord.SerialServed);
      }
    },
    ended: (index, errno) => void ended.push([index, errno]),
  });
  const stop = async (): Promise<void> => {
    await Promise.all(threads.map((thread) => thread.stop()));
    doorbell.close();
  };
  return { threads, loop, served, ended, stop };
}

test('thousands of exits of several threads: none is lost, none comes twice', { timeout }, async () => {
  const { loop, served, ended, threads, stop } = machine([{ last: 6000 }, { last: 5000 }, { last: 4000 }]);
  await loop.done;
  await stop();
  assert.deepEqual(served, [6000, 5000, 4000]);
  assert.deepEqual(
    ended.sort(([a], [b]) => a - b),
    [0, 1, 2].map((index) => [index, SCRIPT_OVER]),
  );
  assert.deepEqual(
    threads.map((thread) => [thread.exits, thread.deviceExits]),
    [6000, 5000, 4000].map((count) => [count, count]),
  );
});

test('serial rings between exits, and alone: each is heard', { timeout }, async () => {
  const { loop, ended, served, stop } = machine([
    { last: 2000, serialEvery: 1 },
    { last: 3000, serialEvery: 7 },
  ]);
  await loop.done;
  await stop();
  assert.deepEqual(
    ended.sort(([a], [b]) => a - b),
    [
      [0, SCRIPT_OVER],
      [1, SCRIPT_OVER],
    ],
  );
  assert.deepEqual(served, [2000, 3000]);
});

test('a thread that is told to rest stays out of the guest until it may go on', { timeout }, async () => {
  const { loop, served, threads, stop } = machine([{}, {}]);
  while (served.some((count) => count < 50)) await sleep(1);
  const [first] = threads;
  assert.ok(first);
  first.rest(timeout);
  // What it had begun is over when it has not come again while the other did a hundred times.
  let [came, since] = [served[0] ?? 0, served[1] ?? 0];
  while ((served[1] ?? 0) < since + 100) {
    await sleep(1);
    if ((served[0] ?? 0) > came) [came, since] = [served[0] ?? 0, served[1] ?? 0];
  }
  assert.notEqual(Atomics.load(first.mailbox, MailboxWord.Rest), 0);
  first.goOn();
  while ((served[0] ?? 0) < came + 50) await sleep(1);
  first.rest(timeout);
  await Promise.all([stop(), loop.done]);
});

test('a thread that dies of an exception is heard of, and ends the loop', { timeout }, async () => {
  const { loop, ended, threads, stop } = machine([{ last: 100 }, { throwAt: 10 }]);
  const errors: string[] = [];
  for (const thread of threads) thread.onError((error) => void errors.push(error.message));
  await loop.done;
  assert.deepEqual(errors, ['a mistake in the vCPU thread']);
  assert.deepEqual(
    ended.sort(([a], [b]) => a - b),
    [
      [0, SCRIPT_OVER],
      [1, 0],
    ],
  );
  await stop();
});

test('a busy machine stops while the loop goes on', { timeout }, async () => {
  const { loop, ended, served, stop } = machine([{}, {}]);
  while (served.some((count) => count < 50)) await sleep(1);
  await Promise.all([stop(), loop.done]);
  assert.deepEqual(
    ended.sort(([a], [b]) => a - b),
    [
      [0, 0],
      [1, 0],
    ],
    'asked to stop, so without an error',
  );
});

test('a thread stops that waits for an answer which will not come', { timeout }, async () => {
  const { loop, threads, stop } = machine([{}, {}], () => {
    throw new Error('a mistake in the device thread');
  });
  await assert.rejects(loop.done, /a mistake in the device thread/);
  const [first] = threads;
  assert.ok(first);
  while (Atomics.load(first.mailbox, MailboxWord.Turn) !== Turn.Device) await sleep(1);
  await stop();
  assert.deepEqual(
    threads.map((thread) => Atomics.load(thread.mailbox, MailboxWord.Turn)),
    [Turn.Ended, Turn.Ended],
  );
});

test('stopping twice, and what has ended already, is harmless', { timeout }, async () => {
  const { loop, stop, threads } = machine([{ last: 1 }]);
  await loop.done;
  await stop();
  threads[0]?.requestStop();
  await threads[0]?.stop();
});

test("the product's own program: what KVM_RUN refuses ends the thread with its errno", { timeout }, async () => {
  const { doorbell, handle } = Doorbell.create();
  const { vcpu } = scriptedVcpu(0, {});
  const thread = new VcpuThread({
    vcpu,
    vmFd: -1,
    doorbell: handle,
    uart: allocateUartState(),
    rtc: allocateRtcState(),
  });
  const ended: [number, number][] = [];
  const loop = new DeviceLoop({
    doorbell,
    mailboxes: [thread.mailbox],
    serve: () => undefined,
    serial: () => undefined,
    ended: (index, errno) => void ended.push([index, errno]),
  });
  await loop.done;
  await thread.stop();
  doorbell.close();
  assert.deepEqual(ended, [[0, EBADF]]);
});
