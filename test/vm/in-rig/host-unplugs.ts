import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { NVME, withGuest } from './guest.ts';

/** The test that runs in front of the rig pulls the controller when it reads this. */
const LENT = 'dda-test: lent, pull it';

test('the host unplugs a controller that a guest has', async () => {
  await withGuest({ vcpus: 2 }, async (guest) => {
    const events: string[] = [];
    const taken = new Promise<void>((resolve) => {
      guest.session.on('session', (event) => {
        events.push(event.kind);
        if (event.kind === 'rescinded') resolve();
      });
    });
    await guest.session.add(NVME);
    await guest.verifyDisk(1);
    console.error(LENT);
    await taken;
    await guest.until('[ ! -e /dev/nvme0 ]');
    for (let i = 0; i < 200 && existsSync(`/sys/bus/pci/devices/${NVME}`); i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(!existsSync(`/sys/bus/pci/devices/${NVME}`), "the host's kernel has let go of it");
    assert.deepEqual(events, ['lent', 'release-requested', 'rescinded']);
    assert.deepEqual(guest.session.functions, []);
    assert.deepEqual(await guest.complaints(), []);
  });
});
