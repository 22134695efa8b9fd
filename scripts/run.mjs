// What every npm script goes through: brings what the task needs, says so where that takes time, then runs the task with a
// Node that is new enough. Runs on any Node from 12 on, before there is a node_modules.
import { spawn } from 'child_process';
import { constants } from 'os';
import { delimiter, dirname, join } from 'path';
import { ensureKernels } from './setup/debian-kernels.mjs';
import { ensureDebianPackages } from './setup/debian-packages.mjs';
import { ensureNodeModules } from './setup/node-modules.mjs';
import { ensureNewerQemu } from './setup/newer-qemu.mjs';
import { ensureNode } from './setup/node-runtime.mjs';
import { cacheDirectory, repository } from './setup/places.mjs';
import { SetupError, say } from './setup/say.mjs';

/**
 * `rig`: the task boots a rig, so it needs Debian packages and these kernels. `tests`: packages that only tests use, too. `newerQemu`: some of its rigs have network cards.
 * @typedef {{ program?: string, args?: string[], rig?: ('6.1' | '6.12')[], tests?: boolean, newerQemu?: boolean }} Task
 * @type {Record<string, Task>}
 */
const TASKS = {
  setup: { rig: ['6.1', '6.12'], tests: true, newerQemu: true },
  check: { program: 'scripts/check.ts' },
  fmt: { program: 'node_modules/@biomejs/biome/bin/biome', args: ['format', '--write'] },
  build: { program: 'scripts/build.ts' },
  test: { program: 'scripts/test.ts', args: ['all'], rig: ['6.1', '6.12'], tests: true, newerQemu: true },
  'test:more': { program: 'scripts/test.ts', args: ['more'], rig: ['6.1', '6.12'], tests: true },
  'test:long': { program: 'scripts/test.ts', args: ['long'], rig: ['6.1'] },
  rig: { program: 'rig/main.ts', rig: ['6.1'] },
  dda: { program: 'src/cli/main.ts' },
  demo: { program: 'rig/demo.ts', rig: ['6.1'] },
  bench: { program: 'bench/main.ts', rig: ['6.1'] },
  fuzz: { program: 'fuzz/main.ts' },
  measure: { program: 'scripts/measure/main.ts' },
};

async function main() {
  const [name = '', ...args] = process.argv.slice(2);
  const task = TASKS[name];
  if (task === undefined)
    throw new SetupError(`There is no task '${name}'; there are ${Object.keys(TASKS).join(', ')}.`);
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new SetupError(`dda runs on Linux on x86-64; this is ${process.platform} on ${process.arch}.`);
  const node = await ensureNode();
  await ensureNodeModules();
  // The demo's model boots nothing.
  const boots = !(name === 'demo' && args.includes('--model'));
  if (task.rig !== undefined && boots) {
    await ensureDebianPackages(task.tests === true);
    const isLater =
      (name === 'rig' || name === 'demo') && args.some((word) => word === '6.12' || word === '--kernel=6.12');
    await ensureKernels(isLater ? ['6.1', '6.12'] : task.rig);
    const hasCards = name === 'rig' && args.some((word) => word === '--igb' || word.startsWith('--igb='));
    if (task.newerQemu === true || hasCards) await ensureNewerQemu();
  }
  if (task.program === undefined) say('everything is there.');
  else run(node, [join(repository, task.program), ...(task.args || []), ...args]);
}

/**
 * Runs a program to its end, and ends as it does.
 * @param {string} node
 * @param {string[]} command the program and its arguments
 */
function run(node, command) {
  const env = {
    ...process.env,
    PATH: [dirname(node), join(repository, 'node_modules/.bin'), process.env.PATH || '', '/usr/sbin', '/sbin'].join(
      delimiter,
    ),
    DDA_CACHE: cacheDirectory,
    NODE_COMPILE_CACHE: join(cacheDirectory, 'compile-cache'),
  };
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', ...command], { stdio: 'inherit', env });
  // The terminal sends SIGINT to both; the program decides what it means. The others come to this process alone.
  process.on('SIGINT', () => undefined);
  for (const name of /** @type {NodeJS.Signals[]} */ (['SIGTERM', 'SIGHUP'])) process.on(name, () => child.kill(name));
  child.on('close', (exitCode, signal) => {
    process.exitCode = signal === null ? Number(exitCode) : 128 + constants.signals[signal];
  });
}

main().catch((error) => {
  say(error instanceof SetupError ? error.message : error.stack);
  process.exitCode = 1;
});
