import { availableParallelism } from 'node:os';
import { DEFECTS } from '../seeded/defects.ts';
import type { TargetName } from '../targets/index.ts';
import { readCorpus } from './corpus-files.ts';
import { writeFinding } from './finding-files.ts';
import type { Job, JobResult } from './job.ts';
import { superviseAll } from './supervise.ts';

export interface FuzzOptions {
  readonly targets: readonly TargetName[];
  readonly seconds: number;
  readonly executions: number | undefined;
  readonly seed: number;
  readonly seeded: boolean;
  readonly workers: number | undefined;
  readonly json: boolean;
}

/** A seeded defect has to be found by so many executions, from an empty corpus. */
export const SEEDED_EXECUTIONS: Readonly<Record<TargetName, number>> = {
  hypercalls: 400_000,
  synic: 600_000,
  vmbus: 400_000,
  rings: 400_000,
  vpci: 400_000,
  config: 200_000,
  nvme: 300_000,
  words: 80_000,
  manager: 100_000,
  trace: 100_000,
  api: 20_000,
};
/** The least that a target gets, whatever the seeded defects took. */
const LEAST_TARGET_MS = 500;

/** Looks for seeded defects, then for others. Prints what comes of it, and gives the exit code. */
export async function fuzz(options: FuzzOptions): Promise<number> {
  const startedAt = performance.now();
  const atATime = options.workers ?? availableParallelism();
  const total = { executions: 0, findings: 0, seeded: 0, seededFound: 0 };
  console.log(`seed ${options.seed}, ${atATime} at a time`);
  if (options.seeded) await lookForSeeded(options, atATime, total);
  const spent = performance.now() - startedAt;
  const share = Math.max(LEAST_TARGET_MS, ((options.seconds * 1000 - spent) * atATime) / options.targets.length);
  const budget = options.executions === undefined ? { milliseconds: share } : { executions: options.executions };
  const jobs = options.targets.map(
    (target): Job => ({ target, seed: options.seed, corpus: readCorpus(target), gives: 'findings', ...budget }),
  );
  await superviseAll(jobs, atATime, ({ target }, result) => {
    total.executions += result.executions;
    console.log(lineOf(target, result));
    for (const finding of result.findings) {
      total.findings += 1;
      const path = writeFinding(finding, total.findings);
      console.log(
        `  finding: ${finding.message}\n${indented(finding.stack)}\n  again: npm run fuzz -- --replay ${path}`,
      );
    }
  });
  const { executions, findings, seeded, seededFound } = total;
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(
    `${executions} executions, ${findings} findings, ${seededFound} of ${seeded} seeded defects found, ${seconds.toFixed(1)} s`,
  );
  if (options.json) console.log(JSON.stringify(total));
  return findings === 0 && seededFound === seeded ? 0 : 1;
}

async function lookForSeeded(
  options: FuzzOptions,
  atATime: number,
  total: { executions: number; seeded: number; seededFound: number },
): Promise<void> {
  const defects = DEFECTS.filter(({ target }) => options.targets.includes(target));
  const jobs = defects.map(
    ({ id, target }): Job => ({
      target,
      seed: options.seed,
      corpus: [],
      executions: SEEDED_EXECUTIONS[target],
      defect: id,
      gives: 'findings',
    }),
  );
  await superviseAll(jobs, atATime, (job, result) => {
    const { executions, findings, milliseconds } = result;
    const [finding] = findings;
    total.seeded += 1;
    total.executions += executions;
    if (finding !== undefined) total.seededFound += 1;
    const how = finding === undefined ? 'NOT FOUND' : `found: ${finding.message.split('\n')[0]?.slice(0, 90)}`;
    console.log(`seeded ${job.defect}, ${executions} executions, ${(milliseconds / 1000).toFixed(1)} s, ${how}`);
  });
}

function lineOf(target: TargetName, { executions, milliseconds, blocks, features }: JobResult): string {
  const rate = Math.round((executions / milliseconds) * 1000);
  return `${target}: ${executions} executions, ${rate}/s, ${blocks} blocks, ${features} features`;
}

function indented(stack: string): string {
  return stack
    .split('\n')
    .slice(1, 8)
    .map((line) => `  ${line}`)
    .join('\n');
}
