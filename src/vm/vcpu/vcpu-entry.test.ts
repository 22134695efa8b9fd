import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allocateRtcState, allocateUartState } from '../devices/index.ts';
import { Doorbell } from './doorbell.ts';
import { MailboxWord } from './mailbox.ts';
import { startThreads } from './start-threads.ts';
import { SCRIPTED_VCPU, ScriptWord, scriptedVcpu } from './testing/script.ts';

const timeout = 60_000;

function start(count: number, beforeGuest: () => Promise<void>) {
  const { doorbell, handle } = Doorbell.create();
  const held = new DisposableStack();
  held.defer(() => doorbell.close());
  const vcpus = Array.from({ length: count }, (_, id) => scriptedVcpu(id, { last: 10 }));
  const running = startThreads({
    vcpus: vcpus.map(({ vcpu }) => vcpu),
    vmFd: -1,
    doorbell,
    handle,
    uart: allocateUartState(),
    rtc: allocateRtcState(),
    program: SCRIPTED_VCPU,
    beforeGuest,
    exits: {
      serve: (index) => void Atomics.add(vcpus[index]?.words ?? assert.fail(), ScriptWord.Served, 1),
      serial: () => undefined,
      ended: () => undefined,
    },
    held,
  });
  const exits = (): number[] => vcpus.map(({ words }) => Atomics.load(words, ScriptWord.Exits));
  return { ...running, exits };
}

async function end({ threads, held }: Pick<ReturnType<typeof start>, 'threads' | 'held'>): Promise<void> {
  await Promise.all(threads.map((thread) => thread.stop()));
  held.dispose();
}

test('no vCPU is let in before all have loaded and what comes before the guest is done', { timeout }, async () => {
  let exitsBefore: number[] | undefined;
  const called = Promise.withResolvers<void>();
  const done = Promise.withResolvers<void>();
  const machine = start(3, async () => {
    called.resolve();
    await done.promise;
    exitsBefore = machine.exits();
  });
  await called.promise;
  const threadIds = machine.threads.map(({ mailbox }) => Atomics.load(mailbox, MailboxWord.ThreadId));
  assert.ok(
    threadIds.every((id) => id > 0),
    'each thread has come so far',
  );
  done.resolve();
  await machine.entered;
  await machine.loop.done;
  assert.deepEqual(exitsBefore, [0, 0, 0]);
  assert.deepEqual(machine.exits(), [10, 10, 10]);
  await end(machine);
});

test('where that fails, the loop does, and the threads end without having been in the guest', { timeout }, async () => {
  const machine = start(2, () => Promise.reject(new Error('not locked')));
  await assert.rejects(machine.loop.done, /not locked/);
  await end(machine);
  assert.deepEqual(machine.exits(), [0, 0]);
});

test('a machine that is stopped while its threads wait ends', { timeout }, async () => {
  const called = Promise.withResolvers<void>();
  const machine = start(2, () => {
    called.resolve();
    return new Promise(() => undefined);
  });
  await called.promise;
  for (const thread of machine.threads) thread.requestStop();
  await machine.loop.done;
  await end(machine);
  assert.deepEqual(machine.exits(), [0, 0]);
});
