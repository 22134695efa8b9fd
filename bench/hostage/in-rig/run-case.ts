import { getPriority, setPriority } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { type Case, Marker, nameOf } from '../guests.ts';
import { NEVER_MS, type Outcome } from '../plan.ts';
import { type Bystanders, HIGHEST_PRIORITY } from './bystanders.ts';
import { type Slot, say } from './outside.ts';
import type { Borrower, Lender } from './side.ts';

const BOOT_TIMEOUT_MS = 120_000;
const STEP_TIMEOUT_MS = 60_000;
/** Until the guest is as bad as it is going to be. */
const SETTLE_MS = 1500;

/** Then the host's kernel has begun to unplug, and holds the lock of all plug and play: the bystanders meet that, and not it them. */
const UNPLUG_BEGINS_MS = 30;

export interface Scene {
  readonly lender: Lender;
  readonly bystanders: Bystanders;
  readonly slot: Slot;
  readonly deadlineMs: number;
  readonly trace: boolean;
}

/** Lends the device to one guest, wants it back, and sees what that does to the host. Everything is home afterwards. */
export async function runCase(scene: Scene, wanted: Case): Promise<Outcome> {
  const borrower = await scene.lender.start(wanted.guest);
  try {
    await borrower.console.waitFor(Marker.ready, BOOT_TIMEOUT_MS);
    const has = borrower.console.waitFor(Marker.has, STEP_TIMEOUT_MS);
    await Promise.all([borrower.lend(), has]);
    if (wanted.guest === 'panicked') await borrower.console.waitFor(Marker.panicked, STEP_TIMEOUT_MS);
    await delay(SETTLE_MS);
    if (wanted.guest === 'stopped') process.kill(borrower.processId, 'SIGSTOP');
    return await wantBack(scene, borrower, wanted);
  } catch (error) {
    throw new Error(
      `${nameOf(wanted)} failed: ${String(error)}\n--- the VMM said\n${borrower.complaints()}\n--- guest's console\n${borrower.console.tail}`,
      { cause: error },
    );
  }
}

/** What an unplugging costs when no guest has the device: the kernel's own. */
export async function unplugUnborrowed(scene: Scene): Promise<Outcome> {
  // What runs for the first time takes an emulated processor many times as long: the second one counts.
  await unplugOnce(scene);
  return unplugOnce(scene);
}

async function unplugOnce({ lender, bystanders, slot }: Scene): Promise<Outcome> {
  await lender.prepare();
  bystanders.start(UNPLUG_BEGINS_MS);
  const returnMs = Math.round(await slot.do('unplug'));
  const delays = await bystanders.stop(performance.now() + NEVER_MS);
  await bystanders.idle();
  await slot.do('plug');
  return { returnMs, ...delays };
}

async function wantBack(
  { bystanders, slot, deadlineMs, trace }: Scene,
  borrower: Borrower,
  { way }: Case,
): Promise<Outcome> {
  // Whoever asks, and looks at the clock, is no part of what is measured, and shares the processor with a guest that spins.
  using afterwards = new DisposableStack();
  const priority = getPriority();
  afterwards.defer(() => setPriority(priority));
  setPriority(HIGHEST_PRIORITY);
  const askedAt = performance.now();
  if (trace) say({ kind: 'step', text: `${Math.round(askedAt)} wanted back` });
  const byMs = askedAt + deadlineMs + NEVER_MS;
  bystanders.start(way === 'unplug' ? UNPLUG_BEGINS_MS : 0);
  const back =
    way === 'unplug' ? slot.do('unplug') : borrower.takeBack(deadlineMs).then(() => performance.now() - askedAt);
  // Waited for in the end, whatever happens before.
  back.catch(() => undefined);
  const returnMs = await Promise.race([back, delay(byMs - performance.now(), null)]);
  const delays = await bystanders.stop(byMs);
  await borrower.end();
  await back;
  await bystanders.idle();
  if (way === 'unplug') await slot.do('plug');
  return { returnMs: returnMs === null ? null : Math.round(returnMs), ...delays };
}
