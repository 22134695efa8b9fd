import { test } from 'node:test';
import { bootRig } from '../../rig/index.ts';
import { runGuests } from './run-guests.ts';

test("Debian's 6.1 kernel with 1, 2 and 4 vCPUs", async () => {
  await using rig = await bootRig();
  await runGuests(rig, { program: 'guest-sizes', env: { DDA_GUEST_SIZES: '1:512,2:512,4:512' } });
});
