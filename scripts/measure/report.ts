/** What `npm run measure` prints. */
import type { Coverage, Share } from './coverage/lines-and-branches.ts';
import type { MutationScore } from './mutation/mutation-score.ts';
import type { Part } from './parts.ts';

export interface Figures {
  readonly part: Part;
  readonly coverage?: Coverage;
  readonly mutation?: MutationScore;
}

/** The least of each, in percent. */
export const AIMS = { lines: 95, branches: 90, mutants: 85 } as const;

type Measure = keyof typeof AIMS;

const MEASURES: readonly Measure[] = ['lines', 'branches', 'mutants'];

function shareOf({ coverage, mutation }: Figures, measure: Measure): Share | undefined {
  if (measure !== 'mutants') return coverage?.[measure];
  return mutation && { reached: mutation.found, of: mutation.of };
}

/** Where there is nothing to reach, all of it is reached. */
const percentOf = ({ reached, of }: Share): number => (of === 0 ? 100 : (100 * reached) / of);

/** Rounded down, so that no figure under its aim looks as if it had reached it. */
const printed = (percent: number): string => `${(Math.floor(percent * 10) / 10).toFixed(1)} %`;

/** Whether all figures that were measured have reached their aims. */
export const isReached = (figures: readonly Figures[]): boolean =>
  figures.every((each) =>
    MEASURES.every((measure) => {
      const share = shareOf(each, measure);
      return share === undefined || percentOf(share) >= AIMS[measure];
    }),
  );

export function report(figures: readonly Figures[], withMissed: boolean): string {
  const lines: string[] = [];
  for (const each of figures) {
    if (withMissed) lines.push(...(each.coverage?.missed ?? []), ...(each.mutation?.survivors ?? []));
    const cells = MEASURES.flatMap((measure) => {
      const share = shareOf(each, measure);
      if (share === undefined) return [];
      const percent = percentOf(share);
      const verdict = percent >= AIMS[measure] ? '' : `, under ${AIMS[measure]} %`;
      return [`${measure} ${printed(percent)} (${share.reached} of ${share.of}${verdict})`];
    });
    lines.push(`${each.part.padEnd(6)}  ${cells.join('  ')}`);
    if (each.mutation !== undefined) lines.push(`        ${aboutMutants(each.mutation)}`);
  }
  return lines.join('\n');
}

function aboutMutants({ endless, atLoad, sentences }: MutationScore): string {
  return `of the mutants ${endless} never end, ${atLoad} take effect as a module is loaded; ${sentences} in sentences are not counted`;
}

/** `{"hyperv":{"lines":…,"branches":…,"mutants":…},…,"reached":…}`, in percent. */
export function jsonLine(figures: readonly Figures[]): string {
  const parts = figures.map((each) => {
    const values = MEASURES.flatMap((measure) => {
      const share = shareOf(each, measure);
      return share === undefined ? [] : [[measure, Math.floor(percentOf(share) * 100) / 100]];
    });
    return [each.part, Object.fromEntries(values)];
  });
  return JSON.stringify({ ...Object.fromEntries(parts), reached: isReached(figures) });
}
