import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootRig } from '../../rig/index.ts';
import { mortalManager, runTests } from './manager-in-rig.ts';

test('a manager, and a VM process, killed at every act of every operation', async (t) => {
  const env = await mortalManager('crash-points');
  await using rig = await bootRig();
  // All of them; DDA_CASES=REGEXP for some.
  const output = await runTests(rig, env, { DDA_CASES: process.env['DDA_CASES'] ?? '' });
  const deaths = [...output.matchAll(/(\d+) acts, (\d+) deaths/g)];
  const sum = (index: number): number => deaths.reduce((total, match) => total + Number(match[index]), 0);
  assert.ok(deaths.length > 0, output);
  t.diagnostic(`${sum(1)} acts enumerated, ${sum(2)} deaths`);
  t.diagnostic(output);
});
