import { test } from 'node:test';
import { bootRig } from '../../rig/index.ts';
import { runGuests } from './run-guests.ts';

test('guests that turn on their drivers, their CPUs and their host', async () => {
  await using rig = await bootRig();
  await runGuests(rig, { program: 'abuse' });
});
