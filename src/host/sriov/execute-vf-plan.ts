import { HostError } from '../errors.ts';
import type { Host } from '../moves/host-facts.ts';
import type { StepFailure } from '../moves/run-step.ts';
import { runVfStep } from './run-vf-step.ts';
import type { VfPlan, VfStep } from './step.ts';

export interface VfOptions {
  /** For each act that may block in the kernel or wait for the device. Default 30,000. */
  readonly actDeadlineMs?: number;
  readonly onStep?: (step: { readonly intent: string }, tookMs: number) => void;
}

export interface VfStepTime {
  readonly intent: string;
  readonly tookMs: number;
}

/** Carries a plan out. When a step fails, the ones before it are taken back. Throws HostError. */
export async function executeVfPlan(
  host: Host,
  asked: string,
  plan: VfPlan,
  deadlineMs: number,
  onStep: VfOptions['onStep'],
): Promise<VfStepTime[]> {
  const done: VfStep[] = [];
  const times: VfStepTime[] = [];
  for (const step of plan.steps) {
    const startedAt = performance.now();
    const failure = await runVfStep(host, plan.physicalFunction, step, deadlineMs);
    if (failure !== undefined) {
      if (!failure.stuck) await takeBack(host, asked, plan, step, failure, [...done, step], deadlineMs);
      const { code, obstacle, remedy, details } = failure;
      throw new HostError(code, {
        asked,
        obstacle: `dda could not ${step.intent}: ${obstacle}`,
        remedy,
        details: { function: plan.physicalFunction, ...details },
      });
    }
    const tookMs = Math.round((performance.now() - startedAt) * 10) / 10;
    done.push(step);
    times.push({ intent: step.intent, tookMs });
    onStep?.(step, tookMs);
  }
  return times;
}

/** Latest first. What is stuck in the kernel is left alone: any other act on the device would wait behind it. */
async function takeBack(
  host: Host,
  asked: string,
  plan: VfPlan,
  failed: VfStep,
  failure: StepFailure,
  started: readonly VfStep[],
  deadlineMs: number,
): Promise<void> {
  for (const undo of started.toReversed().flatMap((step) => step.undo)) {
    const second = await runVfStep(host, plan.physicalFunction, undo, deadlineMs);
    if (second === undefined) continue;
    throw new HostError('undo-failed', {
      asked,
      obstacle: `dda could not ${failed.intent}: ${failure.obstacle} Then it could not ${undo.intent}: ${second.obstacle}`,
      remedy: `See where it stands with dda vf list ${plan.physicalFunction}, and remove what is there with dda vf remove ${plan.physicalFunction}.`,
      details: { function: plan.physicalFunction, first: failure.code, second: second.code },
    });
  }
}
