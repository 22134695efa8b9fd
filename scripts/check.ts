/** `npm run check`: what must hold before a change is shown to anyone, in seconds. No VM, no root, no network. */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { CACHE, REPOSITORY, nodeTestArguments, quickTests } from './test-files.ts';

interface Step {
  readonly name: string;
  readonly command: readonly string[];
}

interface Outcome {
  readonly name: string;
  readonly exitCode: number;
  readonly output: string;
  readonly ms: number;
}

/** The longest first; the tests last, so that their summary closes the report. */
const STEPS: readonly Step[] = [
  {
    name: 'types',
    command: ['tsc', '--project', '.', '--incremental', '--tsBuildInfoFile', join(CACHE, 'types.tsbuildinfo')],
  },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'format', command: ['biome', 'format', '--max-diagnostics=50'] },
  { name: 'layers', command: ['depcruise', '--progress', 'none', 'src', 'rig', 'test', 'bench', 'fuzz', 'scripts'] },
  { name: 'dead code', command: ['knip', '--no-config-hints'] },
  { name: 'quick tests', command: [process.execPath, ...nodeTestArguments(quickTests())] },
];

function run({ name, command: [program = '', ...args] }: Step): Promise<Outcome> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: REPOSITORY, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', reject);
    child.on('close', (exitCode) =>
      resolve({ name, exitCode: exitCode ?? 1, output, ms: performance.now() - startedAt }),
    );
  });
}

async function runAll(): Promise<readonly Outcome[]> {
  const waiting = [...STEPS];
  const outcomes: Outcome[] = [];
  const work = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const outcome = await run(step);
      outcomes.push(outcome);
      console.log(`${outcome.exitCode === 0 ? '✔' : '✖'} ${outcome.name} (${(outcome.ms / 1000).toFixed(1)} s)`);
      if (outcome.exitCode !== 0) console.log(outcome.output);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return outcomes;
}

mkdirSync(CACHE, { recursive: true });
const outcomes = await runAll();
const tests = outcomes.find(({ name }) => name === 'quick tests');
if (tests?.exitCode === 0) console.log(tests.output.slice(tests.output.lastIndexOf('ℹ tests')).trimEnd());
const failed = outcomes.filter(({ exitCode }) => exitCode !== 0).map(({ name }) => name);
if (failed.length > 0) {
  console.error(`\ncheck failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}
