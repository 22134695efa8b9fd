import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { DeviceLoop, type DeviceLoopOptions } from './device-loop.ts';
import { Doorbell } from './doorbell.ts';
import { MAILBOX_WORDS, MailboxWord, Turn } from './mailbox.ts';

const timeout = 20_000;
/** device-loop.ts serves so many in a row; a look at all vCPUs that has begun is finished. */
const EXITS_PER_TURN = 64;

/** A doorbell at whose owner something happens in the last moment before it counts as asleep. */
class LateDoorbell extends Doorbell {
  lastMoment: (() => void) | undefined;

  override fallAsleep(): void {
    const late = this.lastMoment;
    this.lastMoment = undefined;
    late?.();
    super.fallAsleep();
  }
}

/** Mailboxes without threads, whose Turn words the test sets itself. */
function bench(vcpus: number, exits: Partial<Pick<DeviceLoopOptions, 'serve' | 'serial'>> = {}) {
  const doorbell = new LateDoorbell(Doorbell.create().handle);
  const mailboxes = Array.from({ length: vcpus }, () => new Int32Array(new SharedArrayBuffer(MAILBOX_WORDS * 4)));
  const log: string[] = [];
  const loop = new DeviceLoop({
    doorbell,
    mailboxes,
    serve: (index) => {
      log.push(`serve ${index}`);
      exits.serve?.(index);
    },
    serial: () => {
      log.push('serial');
      exits.serial?.();
    },
    ended: (index, errno) => void log.push(`ended ${index} ${errno}`),
  });
  const set = (index: number, value: number): void => {
    const mailbox = mailboxes[index];
    assert.ok(mailbox);
    Atomics.store(mailbox, MailboxWord.Turn, value);
  };
  const endAll = async (): Promise<void> => {
    mailboxes.forEach((_, index) => set(index, Turn.Ended));
    doorbell.ring();
    await loop.done;
    doorbell.close();
  };
  return { doorbell, mailboxes, log, loop, set, endAll };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

test('an exit that came before the loop began is served, and the turn given back', { timeout }, async () => {
  const { set, log, mailboxes, endAll } = bench(2);
  set(1, Turn.Device);
  await until(() => log.length > 0);
  await endAll();
  assert.deepEqual(log.slice(0, 1), ['serve 1']);
  assert.equal(mailboxes[0]?.[MailboxWord.Turn], Turn.Ended);
});

test('a serial ring after the last look and before sleep is not lost', { timeout }, async () => {
  const { doorbell, log, endAll } = bench(1);
  doorbell.lastMoment = () => doorbell.ringSerial();
  await until(() => log.includes('serial'));
  await endAll();
});

test('an exit handed over after the last look and before sleep is not lost', { timeout }, async () => {
  const { doorbell, log, set, endAll } = bench(1);
  doorbell.lastMoment = () => {
    set(0, Turn.Device);
    doorbell.ring();
  };
  await until(() => log.includes('serve 0'));
  await endAll();
});

test('a thread that ends in that moment is not lost', { timeout }, async () => {
  const { doorbell, loop, log, set } = bench(1);
  doorbell.lastMoment = () => {
    set(0, Turn.Ended);
    doorbell.ring();
  };
  await loop.done;
  doorbell.close();
  assert.deepEqual(log, ['ended 0 0']);
});

test('who rings while it sleeps wakes it', { timeout }, async () => {
  const { doorbell, log, set, endAll } = bench(1);
  await turn();
  await turn();
  doorbell.ringSerial();
  await until(() => log.includes('serial'));
  set(0, Turn.Device);
  doorbell.ring();
  await until(() => log.includes('serve 0'));
  await endAll();
});

/** How many calls came between two turns of the event loop, at the most, over a few hundred calls. */
async function mostInARow(calls: () => number): Promise<number> {
  let most = 0;
  for (let before = calls(); before < 1000; ) {
    await turn();
    most = Math.max(most, calls() - before);
    before = calls();
  }
  return most;
}

test('vCPUs that exit without end do not keep the device thread from its other events', { timeout }, async () => {
  let served = 0;
  let flooding = true;
  const { set, endAll } = bench(2, {
    serve: (index) => {
      served += 1;
      // The other vCPU is back before this one's exit is done.
      if (flooding) set(1 - index, Turn.Device);
    },
  });
  set(0, Turn.Device);
  const most = await mostInARow(() => served);
  flooding = false;
  assert.ok(most <= EXITS_PER_TURN + 1, `${most} in a row`);
  assert.ok(most > 1, 'it does not go back to the event loop for each');
  await endAll();
});

test('nor does a serial port that rings without end', { timeout }, async () => {
  let rings = 0;
  let flooding = true;
  const { doorbell, endAll } = bench(1, {
    serial: () => {
      rings += 1;
      if (flooding) doorbell.ringSerial();
    },
  });
  doorbell.ringSerial();
  const most = await mostInARow(() => rings);
  flooding = false;
  assert.ok(most <= EXITS_PER_TURN + 1, `${most} in a row`);
  await endAll();
});

test('what serve throws ends the loop', { timeout }, async () => {
  const { set, loop, doorbell, log } = bench(2, {
    serve: () => {
      throw new Error('a mistake');
    },
  });
  set(0, Turn.Device);
  await assert.rejects(loop.done, /a mistake/);
  set(1, Turn.Device);
  doorbell.ring();
  await turn();
  assert.deepEqual(log, ['serve 0']);
  doorbell.close();
});

test('a machine without threads is over at once', { timeout }, async () => {
  const { loop, doorbell } = bench(0);
  await loop.done;
  doorbell.close();
});
