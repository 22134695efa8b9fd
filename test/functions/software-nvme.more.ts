import { test } from 'node:test';
import { bootRig } from '../../rig/index.ts';
import { runGuests } from '../vm/run-guests.ts';

test('a disk of software, in a guest', async () => {
  await using rig = await bootRig({ nvmeControllers: 0 });
  await runGuests(rig, { program: 'software-nvme' });
});

test('a controller of software that fails in all ways it can, in a guest', async () => {
  await using rig = await bootRig({ nvmeControllers: 0 });
  await runGuests(rig, { program: 'software-nvme-faults' });
});

test("a disk of software under Debian's fio and nvme-cli, in a guest", async () => {
  await using rig = await bootRig({ nvmeControllers: 0 });
  await runGuests(rig, { program: 'software-nvme-tools' });
});

test('virtual functions of a disk of software, in a guest', async () => {
  await using rig = await bootRig({ nvmeControllers: 0 });
  await runGuests(rig, { program: 'software-nvme-functions' });
});
