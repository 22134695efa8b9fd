import { test } from 'node:test';
import { inOwnRig, runGuests } from '../vm/run-guests.ts';

test('a disk of software, in a guest', async () => {
  await inOwnRig({ nvmeControllers: 0 }, (rig) => runGuests(rig, { program: 'software-nvme' }));
});

test('a controller of software that fails in all ways it can, in a guest', async () => {
  await inOwnRig({ nvmeControllers: 0 }, (rig) => runGuests(rig, { program: 'software-nvme-faults' }));
});
