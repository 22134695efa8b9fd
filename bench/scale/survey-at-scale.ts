import { surveyHost, surveyTree } from '../../src/host/index.ts';
import { buildTree } from '../../src/host/testing/index.ts';
import { readPciIds } from '../../src/pci/index.ts';
import { LARGE_HOST_FUNCTIONS, largeHost } from './large-host.ts';

export interface SurveyAtScale {
  /** The first survey of a process, as a command makes it: nothing is warm. */
  readonly survey10kMs: number;
  /** What the following ones take, each: a daemon's. */
  readonly laterMs: readonly number[];
}

const LATER_ROUNDS = 4;

/** Surveys a host of 10,000 functions in memory with what `dda survey` runs: names, inventory, use, every reason and verdict. */
export function surveyAtScale(): SurveyAtScale {
  const tree = buildTree(largeHost());
  const rounds = Array.from({ length: 1 + LATER_ROUNDS }, () => {
    const startedAt = performance.now();
    const surveys = surveyHost(surveyTree(tree, readPciIds()));
    const tookMs = performance.now() - startedAt;
    if (surveys.length !== LARGE_HOST_FUNCTIONS) throw new Error(`${surveys.length} functions were surveyed.`);
    return tookMs;
  });
  const [survey10kMs = NaN, ...laterMs] = rounds;
  return { survey10kMs, laterMs };
}
