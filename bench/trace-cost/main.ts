/**
 * What the trace costs, off and on: `node bench/trace-cost/main.ts [--rounds N] [--json]`. The same work is done by the code as it is, and by
 * the same code with every look at the taps cut out of its source, in rounds that take turns in one process; of each the median counts.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, type Plugin } from 'esbuild';
import type * as WorkModule from './work.ts';

const HERE = import.meta.dirname;
/** Shorter than the kernel lets others wait: most rounds run through, and the median is one of them. */
const ROUND_MS = 1;
/** Until V8 has compiled all there is to compile. */
const WARM_MS = 1_500;
/** `recorder?.sent(…);`, with whatever stands before it in its statement. */
const LOOK = /^\s*(?:const \{ recorder \} = .*tap;|(?:[\w#.]+\.)?recorder\?\.\w+\([^;]*\);)\n/gm;
const TAPPED = /src\/(?:hyperv\/hypercalls|vmbus\/(?:server|channel|open-channel))\.ts$/;

/** Takes every look at a tap out of the source. */
function withoutTaps(cut: { count: number }): Plugin {
  return {
    name: 'without-taps',
    setup: ({ onLoad }) => {
      onLoad({ filter: TAPPED }, ({ path }) => {
        const source = readFileSync(path, 'utf8');
        const contents = source.replace(LOOK, () => {
          cut.count += 1;
          return '';
        });
        if (/recorder\?\./.test(contents)) throw new Error(`${path}: a look at a tap is left`);
        return { contents, loader: 'ts' };
      });
    },
  };
}

async function load(directory: string, name: string, plugins: Plugin[]): Promise<typeof WorkModule> {
  const outfile = join(directory, `${name}.mjs`);
  await build({
    entryPoints: [join(HERE, 'work.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    external: ['koffi'],
    plugins,
    logLevel: 'error',
    banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
  });
  return (await import(outfile)) as typeof WorkModule;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Nanoseconds each of `count`. */
function timed(work: WorkModule.Work, count: number): number {
  const since = process.hrtime.bigint();
  work.run(count);
  return Number(process.hrtime.bigint() - since) / count;
}

function measure(name: string, variants: Readonly<Record<string, WorkModule.Work>>, rounds: number) {
  const [first] = Object.values(variants);
  if (first === undefined) throw new Error('nothing to measure');
  for (const work of Object.values(variants)) {
    for (const since = performance.now(); performance.now() - since < WARM_MS; ) work.run(500);
  }
  const count = Math.max(1, Math.floor((ROUND_MS * 1e6) / timed(first, 5_000)));
  const times = new Map(Object.keys(variants).map((variant) => [variant, [] as number[]]));
  for (let round = 0; round < rounds; round += 1) {
    // Each is as often the first as the last.
    const order = Object.entries(variants);
    if (round % 2 === 1) order.reverse();
    for (const [variant, work] of order) times.get(variant)?.push(timed(work, count));
  }
  const medians = Object.fromEntries([...times].map(([variant, values]) => [variant, median(values)]));
  return { name, ...medians };
}

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '1001' }, json: { type: 'boolean', default: false } },
});
const rounds = Number(values.rounds);
// Beside the sources: bundles find modules from where they are.
const directory = mkdtempSync(join(HERE, '../../node_modules/.trace-cost-'));
try {
  const cut = { count: 0 };
  // A copy for each: what one does must not change what V8 makes of another.
  const without = await load(directory, 'without', [withoutTaps(cut)]);
  const [off, recording] = [await load(directory, 'off', []), await load(directory, 'on', [])];
  const rows = (['hypercalls', 'requests'] as const).map((name) => {
    const on = recording[name](true);
    const row = measure(name, { without: without[name](false), off: off[name](false), on }, rounds);
    if (on.recorded() < rounds) throw new Error(`${name}: what was on has recorded nothing`);
    return row as { name: string; without: number; off: number; on: number };
  });
  if (values.json) console.log(JSON.stringify({ rounds, looksCut: cut.count, rows }));
  else {
    console.log(`${rounds} rounds in turns, medians in ns; ${cut.count} looks at taps cut out of the code without`);
    for (const { name, without: none, off: quiet, on } of rows) {
      const ratio = (value: number): string => (value / none).toFixed(3);
      console.log(
        `${name}: without ${none.toFixed(0)}, off ${quiet.toFixed(0)} (${ratio(quiet)}×), on ${on.toFixed(0)} (${ratio(on)}×)`,
      );
    }
  }
} finally {
  rmSync(directory, { recursive: true });
}
