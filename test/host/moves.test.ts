import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Rig, bootRig } from '../../rig/index.ts';

describe('functions leave their drivers and come back, on a real kernel', () => {
  let rig: Rig;
  before(async () => {
    rig = await bootRig({ nvmeControllers: 2 });
  });
  after(async () => {
    await rig[Symbol.asyncDispose]();
  });

  for (const program of ['survey', 'dismount-and-mount', 'in-use', 'held', 'borrowed']) {
    test(program, async () => {
      const file = new URL(`./in-rig/${program}.ts`, import.meta.url).pathname;
      const result = await rig.run(['node', '--test-reporter=tap', file], { timeoutMs: 240_000 });
      assert.equal(result.exitCode, 0, `${program} failed in the rig:\n${result.stdout}\n${result.stderr}`);
    });
  }
});
