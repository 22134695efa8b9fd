// Two guests that write and verify without a pause, while the controller of one of them comes and goes.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { dismount, mount, openDisks, openHost } from '../../../src/host/index.ts';
import { emptyDisk } from './disk-file.ts';
import { type Guest, NVME, withGuest } from './guest.ts';

const MIB = 1024 * 1024;
const SECONDS = Number(process.env['DDA_STRESS_SECONDS'] ?? 600);
/** Rounds write side by side, and begin again at the disk's start in time: the smaller disk has room for 128. */
const PLACES = 100;
/** So many rounds with the disk, then it goes and comes back. */
const ROUNDS_A_STAY = 4;
/** What a VM process may take more of at the end than after its first stay; garbage that isn't collected yet, mostly. */
const GROWTH_MIB = 64;

const held = (guest: Guest): object => ({
  descriptors: readdirSync('/proc/self/fd').length,
  threads: readdirSync('/proc/self/task').length,
  ...guest.session.machine.resources(),
});

test(`${SECONDS} seconds of writing and verifying`, async (t) => {
  const host = openHost('dda test');
  await dismount(host, [NVME]);
  const disks = openDisks([{ path: emptyDisk('stress', 64 * MIB), readOnly: false }]);
  try {
    await withGuest({ disks, vcpus: 2, memoryMib: 512 }, async (steady) => {
      await steady.session.add('disk0');
      await withGuest({ vcpus: 2, memoryMib: 512 }, async (moving) => {
        const endMs = performance.now() + SECONDS * 1000;
        let [steadyRounds, movingRounds, stays] = [0, 0, 0];
        const keepSteady = async (): Promise<void> => {
          while (performance.now() < endMs) await steady.verifyDisk((steadyRounds += 1) % PLACES);
        };
        let first: { readonly held: object; readonly rssMib: number } | undefined;
        const keepMoving = async (): Promise<void> => {
          while (performance.now() < endMs) {
            await moving.session.add(NVME);
            for (let i = 0; i < ROUNDS_A_STAY; i++) await moving.verifyDisk((movingRounds += 1) % PLACES);
            stays += 1;
            await (stays % 3 === 0 ? moving.session.rescind(NVME) : moving.session.eject(NVME));
            await moving.until('[ ! -e /dev/nvme0 ]');
            first ??= { held: held(moving), rssMib: process.memoryUsage().rss / MIB };
          }
        };
        await Promise.all([keepSteady(), keepMoving()]);
        t.diagnostic(`${steadyRounds} and ${movingRounds} rounds of 128 KiB, ${stays} stays`);
        assert.deepEqual(held(moving), first?.held);
        const growthMib = process.memoryUsage().rss / MIB - (first?.rssMib ?? 0);
        assert.ok(growthMib < GROWTH_MIB, `the process has grown by ${growthMib.toFixed(0)} MiB`);
        const complaints = (await moving.complaints()).filter((line) => !/nvme|Buffer I\/O|blk_/.test(line));
        assert.deepEqual(complaints, []);
      });
      assert.deepEqual(await steady.complaints(), []);
    });
  } finally {
    for (const disk of disks) disk.close();
  }
  await mount(host, [NVME]);
});
