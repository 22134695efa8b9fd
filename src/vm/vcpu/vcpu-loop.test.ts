import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAILBOX_WORDS, MailboxWord, Turn } from './mailbox.ts';
import { vcpuLoop } from './vcpu-loop.ts';

const EINTR = 4;
const EAGAIN = 11;

/** Runs the loop over `results`, one a KVM_RUN; the device thread answers each exit inside the ring. */
function runScript(
  results: readonly ('here' | 'device' | number)[],
  options: {
    readonly atRing?: (mailbox: Int32Array<SharedArrayBuffer>) => void;
    readonly atClear?: (mailbox: Int32Array<SharedArrayBuffer>) => void;
    readonly stop?: boolean;
  } = {},
) {
  const mailbox = new Int32Array(new SharedArrayBuffer(MAILBOX_WORDS * 4));
  if (options.stop === true) mailbox[MailboxWord.Stop] = 1;
  const log: string[] = [];
  let at = 0;
  let last: 'here' | 'device' | number = 0;
  vcpuLoop({
    run: () => {
      const result = results[at];
      if (result === undefined) throw new Error('ran once too often');
      at += 1;
      last = result;
      log.push('run');
      return typeof result === 'number' ? result : 0;
    },
    clearExitRequest: () => {
      log.push('clear');
      options.atClear?.(mailbox);
    },
    finishHere: () => last === 'here',
    mailbox,
    doorbell: {
      ring: () => {
        const turn = mailbox[MailboxWord.Turn];
        log.push(turn === Turn.Ended ? 'ended' : 'handed over');
        if (turn === Turn.Ended) return;
        options.atRing?.(mailbox);
        mailbox[MailboxWord.Turn] = Turn.Vcpu;
      },
    },
  });
  return { log, mailbox: [...mailbox] };
}

test('exits that the thread finishes itself ring nobody', () => {
  const { log, mailbox } = runScript(['here', 'here', 9]);
  assert.deepEqual(log, ['run', 'run', 'run', 'ended']);
  assert.deepEqual([mailbox[MailboxWord.Exits], mailbox[MailboxWord.DeviceExits]], [2, 0]);
});

test('an exit for the device thread is handed over with the turn set before the ring', () => {
  const { log, mailbox } = runScript(['device', 'here', 'device', 9]);
  assert.deepEqual(log, ['run', 'handed over', 'run', 'run', 'handed over', 'run', 'ended']);
  assert.deepEqual([mailbox[MailboxWord.Exits], mailbox[MailboxWord.DeviceExits]], [3, 2]);
});

test('a kick and a wake-up by INIT or SIPI are no exits: the request is cleared and the guest goes on', () => {
  const { log, mailbox } = runScript([EINTR, EAGAIN, 9]);
  assert.deepEqual(log, ['run', 'clear', 'run', 'clear', 'run', 'ended']);
  assert.equal(mailbox[MailboxWord.Exits], 0);
});

test('an errno of KVM_RUN ends the loop and is told', () => {
  const { mailbox } = runScript([14]);
  assert.deepEqual([mailbox[MailboxWord.Turn], mailbox[MailboxWord.Error]], [Turn.Ended, 14]);
});

test('asked to stop, it ends before it runs, after a kick, and after an exit that was being served', () => {
  const never = runScript([], { stop: true });
  assert.deepEqual([never.log, never.mailbox[MailboxWord.Error]], [['ended'], 0]);
  const served = runScript(['device'], { atRing: (mailbox) => void Atomics.store(mailbox, MailboxWord.Stop, 1) });
  assert.deepEqual(served.log, ['run', 'handed over', 'ended']);
  assert.equal(served.mailbox[MailboxWord.Turn], Turn.Ended);
});

test('a rest ends by itself, and is only one', () => {
  const mailbox = new Int32Array(new SharedArrayBuffer(MAILBOX_WORDS * 4));
  mailbox[MailboxWord.Rest] = 1;
  const rests: number[] = [];
  vcpuLoop({
    run: () => {
      rests.push(Atomics.load(mailbox, MailboxWord.Rest));
      return rests.length === 1 ? EINTR : 9;
    },
    clearExitRequest: () => undefined,
    finishHere: () => true,
    mailbox,
    doorbell: { ring: () => undefined },
  });
  assert.deepEqual(rests, [0, 0]);
});

test('asked to stop while it rests, it never goes into the guest again', () => {
  const { log } = runScript([EINTR], {
    atClear: (mailbox) => {
      Atomics.store(mailbox, MailboxWord.Rest, 1);
      Atomics.store(mailbox, MailboxWord.Stop, 1);
    },
  });
  assert.deepEqual(log, ['run', 'clear', 'ended']);
});
