import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { VcpuKicker } from '../../../src/linux/index.ts';
import { mailbox } from './kick-worker.ts';
import { assemble, TinyGuest } from './tiny-guest.ts';

const kickDeadlineMs = 5_000;

/** Node reports a worker's end a little before the kernel's thread is gone. */
async function threadGone(kicker: VcpuKicker): Promise<void> {
  const deadline = Date.now() + kickDeadlineMs;
  while (kicker.kick()) {
    assert.equal(Date.now() < deadline, true, 'the thread has not ended');
    await setTimeout(1);
  }
}

async function kickMany(guest: TinyGuest, kicks: number): Promise<{ lost: number; medianUs: number }> {
  const words = new Int32Array(new SharedArrayBuffer(64));
  const { fd, runBuffer, runPage } = guest.vcpu;
  const worker = new Worker(new URL('./kick-worker.ts', import.meta.url), { workerData: { fd, runBuffer, words } });
  await Atomics.waitAsync(words, mailbox.tid, 0).value;
  const kicker = new VcpuKicker(runPage, Atomics.load(words, mailbox.tid));
  const times: number[] = [];
  let lost = 0;
  for (let kick = 1; kick <= kicks; kick++) {
    const start = process.hrtime.bigint();
    Atomics.store(words, mailbox.asked, kick);
    assert.equal(kicker.kick(), true);
    while (Atomics.load(words, mailbox.seen) !== kick) {
      if (Atomics.wait(words, mailbox.seen, kick - 1, kickDeadlineMs) === 'timed-out') {
        lost += 1;
        break;
      }
    }
    times.push(Number(process.hrtime.bigint() - start) / 1000);
  }
  Atomics.store(words, mailbox.stop, 1);
  const ended = once(worker, 'exit');
  kicker.kick();
  await ended;
  assert.equal(words[mailbox.unexpected], 0, 'the guest never leaves by itself');
  await threadGone(kicker);
  times.sort((a, b) => a - b);
  return { lost, medianUs: Math.round(times[times.length >> 1] ?? 0) };
}

test('no kick of a vCPU that spins is lost', async (t) => {
  const guest = new TinyGuest(assemble(['66 ff 06 00 20', 'again: inc dword [0x2000]'], ['eb f9', 'jmp again']));
  const { lost, medianUs } = await kickMany(guest, 5000);
  t.diagnostic(`median ${medianUs} us a kick`);
  assert.equal(lost, 0);
  guest.close();
});

test('no kick of a vCPU that sleeps in the kernel is lost', async (t) => {
  const guest = new TinyGuest(assemble(['f4', 'again: hlt'], ['eb fd', 'jmp again']), (vm) => vm.createIrqchip());
  const { lost, medianUs } = await kickMany(guest, 2000);
  t.diagnostic(`median ${medianUs} us a kick`);
  assert.equal(lost, 0);
  guest.close();
});
