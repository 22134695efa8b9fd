import { after, before, test } from 'node:test';
import { bootRig, type Rig } from '../../rig/index.ts';
import { runGuests } from './run-guests.ts';

let rig: Rig;
before(async () => {
  rig = await bootRig();
});
after(() => rig[Symbol.asyncDispose]());

test("Debian's 6.12 kernel", async () => {
  await runGuests(rig, { program: 'guest-sizes', guestKernel: '6.12', env: { DDA_GUEST_SIZES: '2:512' } });
});

test('vPCI forced down to 1.1, 1.2 and 1.3', async () => {
  await runGuests(rig, { program: 'protocol-versions' });
});
