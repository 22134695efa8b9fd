import { HostError } from '../errors.ts';
import type { Host } from './host-facts.ts';
import { runStep } from './run-step.ts';
import type { StepFailure } from './run-step.ts';
import type { MovePlan, Step } from './step.ts';

export interface MoveOptions {
  /** Ends the move before its next step; what was done is taken back. */
  readonly signal?: AbortSignal;
  /** For each act that may block in the kernel. A driver may need seconds to settle its device. */
  readonly actDeadlineMs?: number;
  readonly onStep?: (step: Step, tookMs: number) => void;
}

export interface MoveReport {
  readonly verb: MovePlan['verb'];
  /** Functions that moved. */
  readonly moved: readonly string[];
  /** Functions that were where they should be already. */
  readonly unchanged: readonly string[];
  readonly warnings: readonly string[];
  readonly steps: readonly { readonly function: string; readonly intent: string; readonly tookMs: number }[];
}

export const defaultActDeadlineMs = 30_000;

/** Carries a plan out. When a step fails, the ones before it are taken back. Throws HostError. */
export async function executePlan(host: Host, plan: MovePlan, options: MoveOptions = {}): Promise<MoveReport> {
  const deadlineMs = options.actDeadlineMs ?? defaultActDeadlineMs;
  const done: Step[] = [];
  const steps: MoveReport['steps'][number][] = [];
  for (const step of plan.steps) {
    const startedAt = performance.now();
    const failure = options.signal?.aborted === true ? interrupted : await runStep(host, plan.verb, step, deadlineMs);
    if (failure !== undefined) {
      // An act that failed may have been half done; its undo looks before it acts.
      const started = failure === interrupted ? done : [...done, step];
      await takeBack(host, plan, step, failure, started, deadlineMs);
      throw failureError(plan, step, failure);
    }
    const tookMs = Math.round((performance.now() - startedAt) * 10) / 10;
    done.push(step);
    steps.push({ function: step.function, intent: step.intent, tookMs });
    options.onStep?.(step, tookMs);
  }
  const unchanged = new Set(plan.unchanged);
  return {
    verb: plan.verb,
    moved: plan.functions.filter((name) => !unchanged.has(name)),
    unchanged: plan.unchanged,
    warnings: plan.warnings,
    steps,
  };
}

const interrupted: StepFailure = {
  code: 'interrupted',
  obstacle: 'the command was interrupted.',
  remedy: 'What it had changed was changed back.',
  details: {},
  stuck: false,
};

/** Undoes `started`, latest first. A function with an act stuck in the kernel is left alone: any other act would block too. */
async function takeBack(
  host: Host,
  plan: MovePlan,
  failed: Step,
  failure: StepFailure,
  started: readonly Step[],
  deadlineMs: number,
): Promise<void> {
  for (const step of started.toReversed()) {
    if (failure.stuck && step.function === failed.function) continue;
    for (const undo of step.undo) {
      const second = await runStep(host, plan.verb, undo, deadlineMs);
      if (second === undefined) continue;
      throw new HostError('undo-failed', {
        asked: `${plan.verb} ${plan.functions.join(' ')}`,
        obstacle: `${couldNot(failed)}: ${failure.obstacle} Then dda ${couldNot(undo)}: ${second.obstacle}`,
        remedy: `See where ${undo.function} stands with dda survey ${undo.function}, and give it back with dda mount ${undo.function}.`,
        details: { function: undo.function, first: failure.code, second: second.code },
      });
    }
  }
}

function failureError(plan: MovePlan, step: Step, failure: StepFailure): HostError {
  const asked = `${plan.verb} ${plan.functions.join(' ')}`;
  const { code, obstacle, remedy, details } = failure;
  const told =
    code === 'driver-change-failed' || code === 'driver-change-stuck' ? `dda ${couldNot(step)}: ${obstacle}` : obstacle;
  return new HostError(code, { asked, obstacle: told, remedy, details: { function: step.function, ...details } });
}

function couldNot(step: Step): string {
  return `could not ${step.intent}`;
}
