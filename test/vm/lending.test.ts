import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bootRig, type Rig } from '../../rig/index.ts';
import { runGuests } from './run-guests.ts';

let rig: Rig;
before(async () => {
  rig = await bootRig();
});
after(() => rig[Symbol.asyncDispose]());

test('a guest that gets the same controller 51 times', async () => {
  await runGuests(rig, { program: 'lending-cycles', timeoutMs: 1_800_000 });
});

test('how machines end, with a controller lent', async () => {
  await runGuests(rig, { program: 'endings' });
});

test('the host unplugs a controller that a guest has', async () => {
  let pulled: Promise<void> | undefined;
  await runGuests(rig, {
    program: 'host-unplugs',
    onOutput: (text) => {
      if (text.includes('dda-test: lent, pull it')) pulled ??= rig.unplug('nvme0', 60_000);
    },
  });
  assert.ok(pulled !== undefined, 'the program said when');
  await pulled;
  await rig.plug('nvme0');
});
