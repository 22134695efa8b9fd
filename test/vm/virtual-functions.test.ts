import { after, before, test } from 'node:test';
import { bootRig, type Rig } from '../../rig/index.ts';
import { runGuests } from './run-guests.ts';

let rig: Rig;
before(async () => {
  rig = await bootRig({ networkCards: 2 });
});
after(() => rig[Symbol.asyncDispose]());

test('an NVMe virtual function with queues of its own, in a guest', async () => {
  await runGuests(rig, { program: 'nvme-virtual-function' });
});

test('network virtual functions with settings of their own, one of them in a guest', async () => {
  await runGuests(rig, { program: 'network-virtual-function' });
});
