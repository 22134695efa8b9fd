import { test } from 'node:test';
import { inOwnRig, runGuests } from './run-guests.ts';

test("Debian's 6.1 kernel with 1, 2, 4 and 16 vCPUs", async () => {
  const env = { DDA_GUEST_SIZES: '1:512,2:512,4:512,16:768' };
  await inOwnRig({}, (rig) => runGuests(rig, { program: 'guest-sizes', env }));
});

test("Debian's 6.1 kernel with 6 GiB", async () => {
  const env = { DDA_GUEST_SIZES: '2:6144' };
  await inOwnRig({ memoryMib: 10_240 }, (rig) => runGuests(rig, { program: 'guest-sizes', env }));
});

test("Debian's 6.12 kernel", async () => {
  const env = { DDA_GUEST_SIZES: '2:512' };
  await inOwnRig({}, (rig) => runGuests(rig, { program: 'guest-sizes', guestKernel: '6.12', env }));
});

test('vPCI forced down to 1.1, 1.2 and 1.3', async () => {
  await inOwnRig({}, (rig) => runGuests(rig, { program: 'protocol-versions' }));
});
