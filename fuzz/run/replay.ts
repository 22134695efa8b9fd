import { execute } from '../engine/execute.ts';
import { parseInput } from '../engine/input.ts';
import { TARGETS } from '../targets/index.ts';
import { readFinding } from './finding-files.ts';

/** Runs the input of a finding again, in this thread. Gives the exit code. */
export async function replay(path: string): Promise<number> {
  const { target, input } = readFinding(path);
  const { failure } = await execute(await TARGETS[target](), parseInput(input));
  console.log(
    failure === undefined ? `${target}: all rules hold now.` : `${target}: ${failure.stack ?? failure.message}`,
  );
  return failure === undefined ? 0 : 1;
}
