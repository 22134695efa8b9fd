import assert from 'node:assert/strict';
import type { Rig } from '../rig/index.ts';

export interface RigTests {
  readonly env?: Readonly<Record<string, string>>;
  /** Of all of them. */
  readonly timeoutMs?: number;
  /** Of each. */
  readonly testTimeoutMs?: number;
  /** They leave something behind that would keep their process alive. */
  readonly forceExit?: boolean;
}

const TIMEOUT_MS = 900_000;
const TEST_TIMEOUT_MS = 400_000;

/**
 * Runs files of tests in a rig, and fails with what they printed if any of them fails, or if there was none. They share one process: starting Node
 * and loading the program takes an emulated machine longer than most of the tests. Gives what they printed.
 */
export async function runTestFiles(rig: Rig, files: readonly string[], options: RigTests = {}): Promise<string> {
  const { env = {}, timeoutMs = TIMEOUT_MS, testTimeoutMs = TEST_TIMEOUT_MS, forceExit = false } = options;
  const command = ['node', '--test', '--test-isolation=none', '--test-reporter=tap', `--test-timeout=${testTimeoutMs}`];
  if (forceExit) command.push('--test-force-exit');
  const result = await rig.run([...command, ...files], { timeoutMs, env });
  const printed = `in the rig:\n${result.stdout}\n${result.stderr}\n${rig.console()}`;
  assert.equal(result.exitCode, 0, `it failed ${printed}`);
  assert.match(result.stdout, /^# pass [1-9]/m, `no test ran ${printed}`);
  return result.stdout;
}
