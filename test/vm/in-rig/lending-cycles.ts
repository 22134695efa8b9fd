import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { dismount, mount, openHost } from '../../../src/host/index.ts';
import { type Guest, NVME, withGuest } from './guest.ts';

const CYCLES = 25;

/** What this process and its machine hold of the kernel. */
function held(guest: Guest): { descriptors: number; threads: number; memorySlots: number; assignments: number } {
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    ...guest.session.machine.resources(),
  };
}

test(`${CYCLES} hot-adds and ejects, then ${CYCLES} rescinds, in one running guest`, async () => {
  // Dismounted for all the cycles: the host's own driver need not start and stop each time.
  const host = openHost('dda test');
  await dismount(host, [NVME]);
  await withGuest({ vcpus: 2 }, async (guest) => {
    // The first cycle opens what stays open: the VM's own DMA domain.
    let round = 0;
    const cycle = async (end: (name: string) => Promise<void>): Promise<void> => {
      round += 1;
      await guest.session.add(NVME);
      await guest.verifyDisk(round);
      await end(NVME);
      await guest.until('[ ! -e /dev/nvme0 ]');
    };
    await cycle((name) => guest.session.eject(name));
    const before = held(guest);
    for (let i = 0; i < CYCLES; i++) {
      await cycle((name) => guest.session.eject(name));
    }
    assert.deepEqual(held(guest), before, `after ${CYCLES} ejects`);
    for (let i = 0; i < CYCLES; i++) {
      await cycle((name) => guest.session.rescind(name));
    }
    assert.deepEqual(held(guest), before, `after ${CYCLES} rescinds`);
    const left = await guest.run('ls /sys/bus/vmbus/devices /sys/bus/pci/devices /sys/bus/pci/slots');
    assert.doesNotMatch(left, /[0-9a-f]{8}-|:00:|\n\d+$/, `nothing of them is left in the guest: ${left}`);
    // A driver whose device is pulled may complain of that; the bus and the hypervisor must not be what it complains of.
    const complaints = (await guest.complaints()).filter((line) => !/nvme|Buffer I\/O|blk_/.test(line));
    assert.deepEqual(complaints, []);
  });
  await mount(host, [NVME]);
});
