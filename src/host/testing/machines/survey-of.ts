import { parsePciIds } from '../../../pci/index.ts';
import { captureHost } from '../../capture/capture-host.ts';
import { parseCapture } from '../../capture/capture-format.ts';
import type { HostDescription } from '../description.ts';
import { buildTree } from '../build-tree.ts';
import { surveyHost } from '../../survey/survey.ts';
import { surveyTree } from '../../survey/survey-tree.ts';
import type { FunctionSurvey } from '../../survey/survey.ts';

const ids = parsePciIds('');

/** The survey of a machine as it arrives at somebody else: its tree, captured, as text, read again. */
export function surveyOf(machine: HostDescription): FunctionSurvey[] {
  const tree = parseCapture(captureHost(buildTree(machine), ids, '0.0.0').text);
  if ('code' in tree) throw new Error(tree.sentence);
  return surveyHost(surveyTree(tree, ids));
}

/** The survey of the tree itself. */
export function surveyAtHome(machine: HostDescription): FunctionSurvey[] {
  return surveyHost(surveyTree(buildTree(machine), ids));
}

/** `assignable with risk`, then `risk no-reset` …, by function. */
export function verdicts(surveys: readonly FunctionSurvey[]): Record<string, string[]> {
  return Object.fromEntries(
    surveys.map(({ fn, verdict, reasons }) => [
      fn.name,
      [verdict, ...reasons.map((reason) => `${reason.weight} ${reason.code}`)],
    ]),
  );
}
