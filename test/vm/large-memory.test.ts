import { test } from 'node:test';
import { bootRig } from '../../rig/index.ts';
import { runGuests } from './run-guests.ts';

test("Debian's 6.1 kernel with 6 GiB", async () => {
  await using rig = await bootRig({ memoryMib: 10_240 });
  await runGuests(rig, { program: 'guest-sizes', env: { DDA_GUEST_SIZES: '2:6144' } });
});
