import { test } from 'node:test';
import { bootRig } from '../../rig/index.ts';
import { runGuests } from './run-guests.ts';

test('ten minutes of stress, with every byte verified', async () => {
  await using rig = await bootRig();
  await runGuests(rig, { program: 'stress', timeoutMs: 2_400_000 });
});
