import { isMachinery } from '../inventory/host-function.ts';
import type { HostFunction } from '../inventory/host-function.ts';
import { acsReasons } from './acs-reasons.ts';
import type { HostFacts } from './facts.ts';
import { iommuReasons } from './iommu-reasons.ts';
import { platformReasons } from './platform-reasons.ts';
import { powerReasons } from './power-reasons.ts';
import { resetReasons } from './reset-reasons.ts';
import { machineryReason, shapeReasons } from './shape-reasons.ts';
import { stateReasons } from './state-reasons.ts';
import { verdictOf, Weight } from './reason.ts';
import type { Reason, Verdict } from './reason.ts';

export interface FunctionSurvey {
  readonly fn: HostFunction;
  readonly verdict: Verdict;
  /** Heaviest first. */
  readonly reasons: readonly Reason[];
}

const weightOrder: readonly Weight[] = [Weight.blocks, Weight.risk, Weight.note];

/** The verdict on one function, with every reason. */
export function surveyFunction(facts: HostFacts, fn: HostFunction): FunctionSurvey {
  const found = isMachinery(fn)
    ? [machineryReason(fn)]
    : [
        ...powerReasons(fn),
        ...shapeReasons(fn),
        ...resetReasons(fn),
        ...iommuReasons(facts, fn),
        ...acsReasons(facts.inventory, fn),
        ...platformReasons(facts.inventory, fn),
        ...stateReasons(facts, fn),
      ];
  const reasons = found.toSorted((a, b) => weightOrder.indexOf(a.weight) - weightOrder.indexOf(b.weight));
  return { fn, verdict: verdictOf(reasons), reasons };
}

/** Every function of the host, in ascending order of address. */
export function surveyHost(facts: HostFacts): FunctionSurvey[] {
  return [...facts.inventory.functions.values()].map((fn) => surveyFunction(facts, fn));
}
