/**
 * `npm test`: the quick tests and those that boot rigs. `npm run test:more`: more of the latter. `npm run test:long`: those that take longer than all of them. With
 * `-- PATTERN…` each runs the named files only. Each file that boots rigs is a process of its own; so many at a time that each rig has a CPU and its memory.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism, freemem } from 'node:os';
import { LONG_TESTS, MORE_TESTS, REPOSITORY, RIG_TESTS, nodeTestArguments, quickTests } from './test-files.ts';

const MAX_RIGS = 2;
/** An ordinary rig with what QEMU itself takes. A larger one may be beside it: a rig uses what it has touched. */
const RIG_BYTES = 6 * 1024 ** 3;

const atATime = Math.max(1, Math.min(MAX_RIGS, availableParallelism(), Math.floor(freemem() / RIG_BYTES)));
const [set, ...named] = process.argv.slice(2);
const sets: Readonly<Record<string, () => readonly string[]>> = {
  all: () => [...quickTests(), ...RIG_TESTS],
  more: () => MORE_TESTS,
  long: () => LONG_TESTS,
};
const all = sets[set ?? ''];
if (all === undefined) throw new Error(`There is no set of tests '${set}'; there are ${Object.keys(sets).join(', ')}.`);
const options = [`--test-concurrency=${atATime}`];
const { status, signal, error } = spawnSync(
  process.execPath,
  nodeTestArguments(named.length > 0 ? named : all(), options),
  {
    cwd: REPOSITORY,
    stdio: 'inherit',
  },
);
if (error !== undefined) throw error;
process.exitCode = status ?? (signal === 'SIGINT' ? 130 : 1);
