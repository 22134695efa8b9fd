import assert from 'node:assert/strict';
import type { Rig } from '../../rig/index.ts';

/** Runs `in-rig/<program>.ts`, itself a file of tests, and fails with what it printed if any of them fails. */
export async function runInRig(rig: Rig, program: string, env: Record<string, string> = {}): Promise<void> {
  const file = new URL(`./in-rig/${program}.ts`, import.meta.url).pathname;
  const result = await rig.run(
    ['node', '--test', '--test-force-exit', '--test-timeout=400000', '--test-reporter=tap', file],
    { timeoutMs: 900_000, env },
  );
  assert.equal(result.exitCode, 0, `${program} failed in the rig:\n${result.stdout}\n${result.stderr}`);
}
