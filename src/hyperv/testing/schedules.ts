/** Answers "which of n?" in a different way on each run, until every sequence of answers has been tried. */
export interface Chooser {
  /** 0 … `options` − 1. */
  readonly choose: (options: number) => number;
}

/**
 * Runs `scenario` once for every way its choices can go. Depth first: the last choice changes fastest. The scenario must
 * be a function of its choices alone.
 *
 * @returns how many runs there were.
 */
export function everySchedule(scenario: (chooser: Chooser) => void): number {
  let path: { choice: number; options: number }[] = [];
  for (let runs = 1; ; runs++) {
    let depth = 0;
    scenario({
      choose(options) {
        const step = (path[depth] ??= { choice: 0, options });
        depth += 1;
        return step.choice;
      },
    });
    path = path.slice(0, path.findLastIndex(({ choice, options }) => choice + 1 < options) + 1);
    const last = path.at(-1);
    if (last === undefined) {
      return runs;
    }
    last.choice += 1;
  }
}
