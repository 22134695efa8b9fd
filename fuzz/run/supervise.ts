import { Worker } from 'node:worker_threads';
import { formatInput } from '../engine/input.ts';
import type { Finding, Job, JobResult } from './job.ts';
import { RUNNING_INPUT_BYTES, RunningInput } from './running-input.ts';

/** A worker that has been at one input for so long is in an endless loop: an input takes milliseconds. */
const STUCK_MS = 30_000;
const LOOK_EVERY_MS = 500;
/** Of a worker's objects; a product that keeps what a guest sends gets there. */
const MOST_HEAP_MIB = 512;
/** Most of what a run makes is gone at its end: the more room there is for such, the seldomer it is gone through. */
const YOUNG_HEAP_MIB = 64;

const WORKER = new URL('./worker.ts', import.meta.url);

/** Does a job in a thread of its own, and finds out when that stands still or takes too much memory. */
export function supervise(job: Job): Promise<JobResult> {
  const startedAt = performance.now();
  const buffer = new SharedArrayBuffer(RUNNING_INPUT_BYTES);
  const running = new RunningInput(buffer);
  const worker = new Worker(WORKER, {
    workerData: { job, running: buffer },
    resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP_MIB, maxYoungGenerationSizeMb: YOUNG_HEAP_MIB },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  return new Promise((resolve, reject) => {
    let seen = -1;
    let seenAt = performance.now();
    const endWith = (message: string, stack = ''): void => {
      const input = formatInput(running.get());
      const finding: Finding = { target: job.target, seed: job.seed, input, message, stack };
      const milliseconds = performance.now() - startedAt;
      const executions = Math.max(0, running.count);
      clearInterval(timer);
      resolve({ executions, milliseconds, findings: [finding], blocks: 0, features: 0, corpus: [], coverage: [] });
    };
    const timer = setInterval(() => {
      const now = performance.now();
      if (running.count !== seen) {
        seen = running.count;
        seenAt = now;
      } else if (seen > 0 && now - seenAt > STUCK_MS) {
        endWith(`nothing came of this input in ${STUCK_MS / 1000} s`);
        void worker.terminate();
      }
    }, LOOK_EVERY_MS);
    worker.on('message', (result: JobResult) => {
      clearInterval(timer);
      resolve(result);
    });
    worker.on('error', (error) => {
      clearInterval(timer);
      if ('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
        endWith(`the product held more than ${MOST_HEAP_MIB} MiB at this input`);
      } else if (running.count === 0) reject(error);
      else endWith(`thrown where nobody catches it: ${error.message}`, error.stack);
    });
    worker.on('exit', (code) => {
      clearInterval(timer);
      reject(new Error(`the worker for ${job.target} ended with ${code} and said nothing`));
    });
  });
}

/** Does jobs, so many at a time, in order. `done` is told of each. */
export async function superviseAll(
  jobs: readonly Job[],
  atATime: number,
  done: (job: Job, result: JobResult) => void,
): Promise<void> {
  const waiting = [...jobs];
  const work = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) done(job, await supervise(job));
  };
  await Promise.all(Array.from({ length: atATime }, work));
}
