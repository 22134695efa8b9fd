import { test } from 'node:test';
import { bootRig } from '../../rig/index.ts';
import { runGuests } from './run-guests.ts';

test('a guest that starts another kernel: kexec and kdump', async () => {
  await using rig = await bootRig();
  await runGuests(rig, { program: 'second-kernel' });
});
