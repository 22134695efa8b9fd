import { after, before, test } from 'node:test';
import { bootRig, type Rig } from '../../rig/index.ts';
import { runGuests } from './run-guests.ts';

let rig: Rig;
before(async () => {
  rig = await bootRig({ memoryMib: 10_240 });
});
after(() => rig[Symbol.asyncDispose]());

test("Debian's 6.1 kernel with 1, 2, 4 and 16 vCPUs, 512 MiB and 6 GiB", async () => {
  await runGuests(rig, { program: 'guest-sizes', env: { DDA_GUEST_SIZES: '1:512,2:6144,4:512,16:768' } });
});

test("Debian's 6.12 kernel", async () => {
  await runGuests(rig, { program: 'guest-sizes', guestKernel: '6.12', env: { DDA_GUEST_SIZES: '2:512' } });
});

test('vPCI forced down to 1.1, 1.2 and 1.3', async () => {
  await runGuests(rig, { program: 'protocol-versions' });
});
