import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootRig } from './boot-rig.ts';
import { RigErrorCode } from './rig-error.ts';

test('a rig with network cards refuses memory that would reach above 4 GiB', async () => {
  await assert.rejects(bootRig({ networkCards: 1, memoryMib: 2816 }), {
    code: RigErrorCode.badOption,
    message: /memoryMib is 2816; with network cards it can be at most 2815/,
  });
});
