import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { bootRig } from '../../rig/index.ts';
import { mortalManager, runTests } from './manager-in-rig.ts';

/** `cases`: a regular expression for the operations; `DDA_CASES` may name others. */
export async function runCrashPoints(t: TestContext, cases: string): Promise<void> {
  const env = await mortalManager('crash-points');
  await using rig = await bootRig();
  const output = await runTests(rig, env, { DDA_CASES: process.env['DDA_CASES'] ?? cases });
  const deaths = [...output.matchAll(/(\d+) acts, (\d+) deaths/g)];
  const sum = (index: number): number => deaths.reduce((total, match) => total + Number(match[index]), 0);
  assert.ok(deaths.length > 0, output);
  t.diagnostic(`${sum(1)} acts enumerated, ${sum(2)} deaths`);
  t.diagnostic(output);
}
