import { test } from 'node:test';
import { bootRig } from '../../rig/index.ts';
import { runGuests } from './run-guests.ts';

test("Debian's 6.1 kernel with 16 vCPUs, the most that there may be", async () => {
  await using rig = await bootRig();
  await runGuests(rig, { program: 'guest-sizes', env: { DDA_GUEST_SIZES: '16:768' } });
});
