import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allocateRtcState, allocateUartState } from '../devices/index.ts';
import { Doorbell } from './doorbell.ts';
import { startThreads } from './start-threads.ts';
import { scriptedVcpu } from './testing/script.ts';
import type { VcpuThreadOptions } from './vcpu-thread.ts';

const timeout = 60_000;

function start(vcpus: readonly VcpuThreadOptions['vcpu'][], release: () => void, ended: (index: number) => void) {
  const { doorbell, handle } = Doorbell.create();
  const held = new DisposableStack();
  held.defer(release);
  held.defer(() => doorbell.close());
  return startThreads({
    vcpus,
    vmFd: -1,
    doorbell,
    handle,
    uart: allocateUartState(),
    rtc: allocateRtcState(),
    exits: { serve: () => undefined, serial: () => undefined, ended },
    held,
  });
}

test('what the threads use is kept until it is given back', { timeout }, async () => {
  const events: string[] = [];
  const { vcpu } = scriptedVcpu(0, {});
  const { threads, loop, held } = start(
    [vcpu],
    () => events.push('released'),
    (index) => events.push(`ended ${index}`),
  );
  await loop.done;
  await Promise.all(threads.map((thread) => thread.stop()));
  assert.deepEqual(events, ['ended 0'], 'KVM_RUN failed on descriptor -1');
  held.dispose();
  assert.deepEqual(events, ['ended 0', 'released']);
});

test('a thread that can not be started: nothing is released under those that run, all of it afterwards', {
  timeout,
}, async () => {
  const released = Promise.withResolvers<void>();
  let isReleased = false;
  const { vcpu } = scriptedVcpu(0, {});
  // No thread can be given a function.
  const broken = { ...vcpu, id: 1, runBuffer: (() => undefined) as unknown as SharedArrayBuffer };
  const begin = () =>
    start(
      [vcpu, broken],
      () => {
        isReleased = true;
        released.resolve();
      },
      () => undefined,
    );
  assert.throws(begin, { name: 'DataCloneError' });
  assert.equal(isReleased, false);
  await released.promise;
});
