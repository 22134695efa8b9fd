import { join } from 'node:path';
import { type Rig, REPOSITORY, bootRig } from '../rig/index.ts';
import { bundleProduct } from '../scripts/bundle.ts';
import { guestFiles } from './guest-files.ts';
import { phaseMedians, phaseTable } from './phase-report.ts';
import { compare, table } from './report.ts';
import type { RoundsConfig, RoundsLine } from './rounds.ts';

/** The rig's first NVMe controller: alone behind the first root port. */
const BDF = '0000:01:00.0';
/** For both sides of a round on a busy machine. */
const ROUND_TIMEOUT_MS = 300_000;

export interface VersusQemuOptions {
  readonly rounds: number;
  readonly json: boolean;
  readonly sources: boolean;
  /** Tell what start and hot-add take their time for, instead of comparing. */
  readonly phases: boolean;
}

/** Runs the rounds and prints what they say; progress goes to standard error. */
export async function versusQemu(options: VersusQemuOptions): Promise<void> {
  const program = join(REPOSITORY, options.sources ? 'src/cli/main.ts' : 'dist/cli/main.js');
  if (!options.sources) {
    say('building dda');
    // What users run is what the package ships.
    await bundleProduct(join(REPOSITORY, 'dist/cli'));
  }
  const config: RoundsConfig = {
    rounds: options.rounds,
    bdf: BDF,
    phases: options.phases,
    guest: await guestFiles(),
    program,
  };
  say('booting a rig');
  await using rig = await bootRig();
  const lines = await runRounds(rig, config);
  if (options.phases) {
    process.stdout.write(options.json ? `${JSON.stringify(phaseMedians(lines))}\n` : phaseTable(lines));
    return;
  }
  const comparison = compare(lines, options.rounds);
  process.stdout.write(options.json ? `${JSON.stringify(comparison)}\n` : table(comparison, lines));
}

const say = (text: string): void => void process.stderr.write(`bench: ${text}\n`);

async function runRounds(rig: Rig, config: RoundsConfig): Promise<RoundsLine[]> {
  const program = join(import.meta.dirname, 'in-rig/rounds.ts');
  const lines: RoundsLine[] = [];
  let rest = '';
  const { exitCode, stderr } = await rig.run(
    ['node', '--disable-warning=ExperimentalWarning', program, JSON.stringify(config)],
    {
      timeoutMs: config.rounds * ROUND_TIMEOUT_MS,
      onOutput: (stream, bytes) => {
        if (stream !== 'stdout') return;
        const texts = (rest + Buffer.from(bytes).toString()).split('\n');
        rest = texts.pop() ?? '';
        for (const text of texts) {
          const line = JSON.parse(text) as RoundsLine;
          lines.push(line);
          if (line.kind === 'step' && line.ms > 0)
            say(`round ${line.round}, ${line.side}: ${line.step} ${Math.round(line.ms)} ms`);
        }
      },
    },
  );
  if (exitCode !== 0) throw new Error(`The rounds ended with exit code ${exitCode}.\n${stderr}`);
  return lines;
}
