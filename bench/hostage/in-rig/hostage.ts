/** The hostage bench's part in the rig: `node hostage.ts PLAN`, JSON in, JSON lines out. */
import { copyFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { nameOf } from '../guests.ts';
import type { HostageGuestFiles, HostagePlan, Outcome, Side } from '../plan.ts';
import { Bystanders } from './bystanders.ts';
import { DdaLender } from './dda-lender.ts';
import { Slot, say } from './outside.ts';
import { QemuLender } from './qemu-lender.ts';
import { runCase, unplugUnborrowed } from './run-case.ts';
import type { Lender } from './side.ts';

const plan = inMemory(JSON.parse(process.argv[2] ?? '') as HostagePlan);
const bystanders = new Bystanders(plan.other);
const slot = new Slot();
for (const side of plan.sides) await oneSide(side);
bystanders.end();
slot.close();

/** One side's guests, all of them: the daemon looks after the functions for as long as it runs. */
async function oneSide(side: Side): Promise<void> {
  const lender: Lender = side === 'dda' ? await DdaLender.start(plan) : new QemuLender(plan);
  await lender.prepare();
  const { rescanMs, otherMs } = await bystanders.calibrate();
  say({
    kind: 'step',
    text: `${side}: undisturbed, a rescan takes ${rescanMs} ms, another device out and in ${otherMs} ms`,
  });
  const scene = { lender, bystanders, slot, deadlineMs: plan.deadlineMs, trace: plan.trace };
  if (plan.cases.some(({ way }) => way === 'unplug')) {
    // What runs for the first time takes an emulated processor many times as long: not counted.
    await runCase(scene, { guest: 'cooperates', way: 'unplug' });
    await lender.prepare();
    say({ kind: 'step', text: `${side}: unplugged while no guest has it: ${wordsOf(await unplugUnborrowed(scene))}` });
  }
  for (const each of plan.cases) {
    await lender.prepare();
    const outcome = await runCase(scene, each);
    say({ kind: 'step', text: `${side}: ${nameOf(each)}: ${wordsOf(outcome)}` });
    say({ kind: 'outcome', side, case: each, outcome });
  }
  await lender.prepare();
  await lender.close();
}

function wordsOf(outcome: Outcome): string {
  const words = Object.entries(outcome).map(([name, ms]) => `${name} ${ms ?? 'never'}`);
  return words.join(', ');
}

/** Copies in the rig's memory: both sides read them as fast as a host reads what it has in its page cache. */
function inMemory(given: HostagePlan): HostagePlan {
  const directory = mkdtempSync(join(tmpdir(), 'hostage-'));
  const copy = (path: string): string => {
    const target = join(directory, basename(path));
    copyFileSync(path, target);
    return target;
  };
  const guest: HostageGuestFiles = {
    ...given.guest,
    vmlinux: copy(given.guest.vmlinux),
    initrd: copy(given.guest.initrd),
  };
  return { ...given, guest };
}
