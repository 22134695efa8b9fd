import { availableParallelism } from 'node:os';
import type { TargetName } from '../targets/index.ts';
import { readCorpus, writeCorpus } from './corpus-files.ts';
import { writeFinding } from './finding-files.ts';
import type { Job } from './job.ts';
import { superviseAll } from './supervise.ts';

/** Fuzzes each target for its share of the time and writes the smallest inputs that get everywhere it got. */
export async function growCorpus(
  targets: readonly TargetName[],
  seconds: number,
  seed: number,
  workers: number | undefined,
): Promise<void> {
  const atATime = workers ?? availableParallelism();
  const milliseconds = (seconds * 1000 * atATime) / targets.length;
  const jobs = targets.map(
    (target): Job => ({ target, seed, corpus: readCorpus(target), milliseconds, gives: 'corpus' }),
  );
  await superviseAll(jobs, atATime, ({ target, corpus: before }, { corpus, findings, blocks, features }) => {
    for (const [index, finding] of findings.entries()) {
      console.log(`  finding, kept out: ${finding.message}, npm run fuzz -- --replay ${writeFinding(finding, index)}`);
    }
    const reach = `${blocks} blocks and ${features} features`;
    console.log(`${target}: ${before.length} inputs before, ${corpus.length} now, for ${reach}`);
    if (corpus.length > 0) writeCorpus(target, corpus);
  });
}
