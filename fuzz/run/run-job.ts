import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CodeCoverage } from '../engine/code-coverage.ts';
import { execute } from '../engine/execute.ts';
import { Fuzzer } from '../engine/fuzzer.ts';
import { formatInput, type Input, parseInput } from '../engine/input.ts';
import { minimize } from '../engine/minimize.ts';
import { Random } from '../engine/random.ts';
import type { Target } from '../engine/target.ts';
import { TARGETS } from '../targets/index.ts';
import { failureKey } from './failure-key.ts';
import type { Finding, Job, JobResult } from './job.ts';
import { smallCorpus } from './small-corpus.ts';

const PRODUCT = pathToFileURL(join(import.meta.dirname, '..', '..', 'src')).href;
/** Different findings of one job that are worth telling. */
const MOST_FINDINGS = 10;
const MINIMIZING_TRIES = 1500;

/** Does a job in this thread. `running`: told of each input before it runs. */
export async function runJob(job: Job, running: (input: Input) => void): Promise<JobResult> {
  const startedAt = performance.now();
  // A corpus is to take every way that can be taken. To see all of them takes too long for anything else.
  const waysIn = job.gives === 'corpus' ? (await import('../coverage/taken.ts')).branchesTaken(job.target) : undefined;
  const coverage = new CodeCoverage(PRODUCT, waysIn);
  const target = await TARGETS[job.target]();
  const findings = new Map<string, Finding>();
  const isSeeded = job.defect !== undefined;
  const fuzzer = new Fuzzer({
    target,
    random: new Random(job.seed),
    coverage,
    running,
    stopsAtFirst: isSeeded,
    found: async (input, failure) => {
      const key = failureKey(failure);
      if (findings.has(key) || findings.size >= MOST_FINDINGS) return;
      const smallest = isSeeded ? input : await minimized(target, input, key, running);
      const { message, stack = '' } = failure;
      findings.set(key, { target: job.target, seed: job.seed, input: formatInput(smallest), message, stack });
    },
  });
  const corpus = job.corpus.map(parseInput);
  if (job.gives === 'coverage') {
    const scripts = await coverageOf(job, fuzzer, coverage, corpus);
    return resultOf(fuzzer, startedAt, findings, [], scripts);
  }
  await fuzzer.replay(corpus);
  await fuzzer.fuzz(() => {
    if (findings.size >= MOST_FINDINGS) return true;
    if (job.executions !== undefined) return fuzzer.executions >= job.executions;
    return performance.now() - startedAt >= (job.milliseconds ?? 0);
  });
  const kept = job.gives === 'corpus' ? await smallCorpus(target, coverage, fuzzer.kept, running) : [];
  coverage.stop();
  return resultOf(fuzzer, startedAt, findings, kept.map(formatInput), []);
}

/** Runs the corpus and some more, and gives the counts of all of it at once. */
async function coverageOf(
  job: Job,
  fuzzer: Fuzzer,
  coverage: CodeCoverage,
  corpus: readonly Input[],
): Promise<JobResult['coverage']> {
  await fuzzer.feed(corpus, job.executions ?? 0);
  const scripts = coverage.take();
  coverage.stop();
  return scripts;
}

async function minimized(target: Target, input: Input, key: string, running: (input: Input) => void): Promise<Input> {
  const fails = async (candidate: Input): Promise<boolean> => {
    running(candidate);
    const { failure } = await execute(target, candidate);
    return failure !== undefined && failureKey(failure) === key;
  };
  return minimize(input, fails, MINIMIZING_TRIES);
}

function resultOf(
  fuzzer: Fuzzer,
  startedAt: number,
  findings: ReadonlyMap<string, Finding>,
  corpus: readonly string[],
  coverage: JobResult['coverage'],
): JobResult {
  const { executions, reach } = fuzzer;
  const milliseconds = performance.now() - startedAt;
  return { executions, milliseconds, findings: [...findings.values()], ...reach, corpus, coverage };
}
