import type { CodeCoverage } from '../engine/code-coverage.ts';
import { execute } from '../engine/execute.ts';
import type { Input } from '../engine/input.ts';
import { minimize } from '../engine/minimize.ts';
import type { Target } from '../engine/target.ts';

const TRIES_AN_INPUT = 40;
/** Then inputs are taken as long as they are. */
const SHORTENING_MS = 60_000;

/**
 * As few and as short inputs as get to all that `inputs` get to: those that reach most that is still missing are taken first,
 * and what of each is needed for that is kept.
 */
export async function smallCorpus(
  target: Target,
  coverage: CodeCoverage,
  inputs: readonly Input[],
  running: (input: Input) => void,
): Promise<Input[]> {
  const reachOf = async (input: Input): Promise<Set<string>> => {
    running(input);
    coverage.takeBlocks();
    const { features, failure } = await execute(target, input);
    const reached = new Set(coverage.takeBlocks());
    // What breaks a rule is a finding and no example.
    if (failure !== undefined) return new Set();
    for (const feature of features) reached.add(`feature ${feature}`);
    return reached;
  };
  const until = performance.now() + SHORTENING_MS;
  const left = new Map<Input, Set<string>>();
  for (const input of inputs) left.set(input, await reachOf(input));
  const taken: Input[] = [];
  const covered = new Set<string>();
  for (;;) {
    const best = richest(left, covered);
    if (best === undefined) return taken;
    left.delete(best.input);
    const { gain } = best;
    const smallest = await minimize(
      best.input,
      async (candidate) => {
        const reached = await reachOf(candidate);
        return [...gain].every((each) => reached.has(each));
      },
      performance.now() < until ? TRIES_AN_INPUT : 0,
    );
    taken.push(smallest);
    for (const each of gain) covered.add(each);
  }
}

function richest(
  left: ReadonlyMap<Input, Set<string>>,
  covered: ReadonlySet<string>,
): { readonly input: Input; readonly gain: ReadonlySet<string> } | undefined {
  let best: { input: Input; gain: Set<string> } | undefined;
  for (const [input, reached] of left) {
    if (reached.size <= (best?.gain.size ?? 0)) continue;
    const gain = new Set([...reached].filter((each) => !covered.has(each)));
    if (gain.size > (best?.gain.size ?? 0)) best = { input, gain };
  }
  return best;
}
