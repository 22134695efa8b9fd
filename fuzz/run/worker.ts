import { parentPort, workerData } from 'node:worker_threads';
import { RunningInput } from './running-input.ts';
import type { Job } from './job.ts';
import { runJob } from './run-job.ts';
import { DEFECTS } from '../seeded/defects.ts';
import { seedDefect } from '../seeded/seed-defect.ts';

// A thread that does one job: the product that it loads may be one with a defect, and it may be ended at any moment.
const { job, running } = workerData as { readonly job: Job; readonly running: SharedArrayBuffer };
const defect = DEFECTS.find(({ id }) => id === job.defect);
if (job.defect !== undefined && defect === undefined) throw new Error(`there is no defect ${job.defect}`);
const seeded = defect === undefined ? undefined : seedDefect(defect);
const input = new RunningInput(running);
const result = await runJob(job, (next) => input.set(next));
seeded?.checkApplied();
// A thread has no origin, as pages have.
// oxlint-disable-next-line unicorn/require-post-message-target-origin
parentPort?.postMessage(result);
