import type { TargetName } from '../targets/index.ts';
import type { ScriptCoverage } from '../engine/code-coverage.ts';

/** What one worker does with one target. */
export interface Job {
  readonly target: TargetName;
  readonly seed: number;
  /** Inputs to begin with, one line each. */
  readonly corpus: readonly string[];
  /** Ends by itself then; both undefined: after the corpus. */
  readonly milliseconds?: number | undefined;
  readonly executions?: number | undefined;
  /** The seeded defect that the product has in this worker; the first finding ends the job. */
  readonly defect?: string | undefined;
  /** `coverage`: what ran of the product's code comes back. `corpus`: the smallest inputs that get everywhere come back. */
  readonly gives: 'findings' | 'coverage' | 'corpus';
}

/** A broken rule, and the smallest input that was found to break it. */
export interface Finding {
  readonly target: TargetName;
  readonly seed: number;
  /** One line, as a corpus has them. */
  readonly input: string;
  readonly message: string;
  readonly stack: string;
}

/** What a worker says when it is done. */
export interface JobResult {
  readonly executions: number;
  readonly milliseconds: number;
  readonly findings: readonly Finding[];
  /** Different code blocks and features that were reached. */
  readonly blocks: number;
  readonly features: number;
  readonly corpus: readonly string[];
  readonly coverage: readonly ScriptCoverage[];
}
