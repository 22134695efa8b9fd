import type { CodeCoverage } from './code-coverage.ts';
import { execute } from './execute.ts';
import type { Input } from './input.ts';
import { freshInput, mutated } from './mutate.ts';
import { FEATURES } from './probe.ts';
import type { Random } from './random.ts';
import type { Target } from './target.ts';

export interface FuzzerOptions {
  readonly target: Target;
  readonly random: Random;
  readonly coverage: CodeCoverage;
  /** Told of each input before it runs, so that one that never ends can be named. */
  readonly running: (input: Input) => void;
  readonly found: (input: Input, failure: Error) => void | Promise<void>;
  /** One finding is enough. */
  readonly stopsAtFirst?: boolean;
}

/** A look takes milliseconds. */
function fewestBetweenLooks({ mostBetweenLooks }: Target): number {
  return Math.ceil(mostBetweenLooks / 40);
}

/**
 * Feeds a target: makes inputs from nothing and from those that got somewhere, and keeps each that gets to code or to a feature that
 * none before it got to. Looking at coverage takes milliseconds, so many inputs run between two looks; when something
 * was new, halves of them run again until those that did it are known.
 */
export class Fuzzer {
  readonly #options: FuzzerOptions;
  readonly #blocks = new Set<string>();
  /** By feature: whether any input got to it. */
  readonly #features = new Uint8Array(FEATURES);
  #featureCount = 0;
  /** What is worth changing further. */
  readonly kept: Input[] = [];
  executions = 0;
  #betweenLooks: number;
  #isOver = false;

  constructor(options: FuzzerOptions) {
    this.#options = options;
    this.#betweenLooks = fewestBetweenLooks(options.target);
  }

  /** How many different blocks and features were seen. */
  get reach(): { readonly blocks: number; readonly features: number } {
    return { blocks: this.#blocks.size, features: this.#featureCount };
  }

  /** Runs known inputs, and keeps them. */
  async replay(inputs: readonly Input[]): Promise<void> {
    this.#options.coverage.takeBlocks();
    for (const input of inputs) await this.#run(input);
    this.#takeNew();
    this.kept.push(...inputs);
  }

  /** Runs known inputs, then as many new ones, and never looks at coverage. */
  async feed(inputs: readonly Input[], executions: number): Promise<void> {
    for (const input of inputs) await this.#run(input);
    this.kept.push(...inputs);
    const end = this.executions + executions;
    while (this.executions < end) {
      const input = this.#next();
      if (await this.#run(input)) this.kept.push(input);
    }
  }

  /** Runs new inputs until `enough` says so; it is asked between any two looks at coverage. */
  async fuzz(enough: () => boolean): Promise<void> {
    while (!this.#isOver && !enough()) {
      const inputs: Input[] = [];
      const end = this.executions + this.#betweenLooks;
      while (this.executions < end && !this.#isOver) {
        const input = this.#next();
        inputs.push(input);
        if (await this.#run(input)) this.kept.push(input);
      }
      const wanted = this.#takeNew();
      if (wanted.size > 0) await this.#keepThoseThatReach(wanted, inputs);
      const { mostBetweenLooks } = this.#options.target;
      const next = wanted.size > 0 ? this.#betweenLooks / 2 : this.#betweenLooks * 1.5;
      this.#betweenLooks = Math.round(
        Math.min(mostBetweenLooks, Math.max(fewestBetweenLooks(this.#options.target), next)),
      );
    }
  }

  #next(): Input {
    const { target, random } = this.#options;
    const base = this.#pick();
    const other = this.#pick();
    if (base === undefined || other === undefined || random.below(8) === 0) return freshInput(target, random);
    return mutated(target, base, other, random);
  }

  /** Those that came last have been changed the least. */
  #pick(): Input | undefined {
    const { random } = this.#options;
    const { kept } = this;
    const recent = Math.min(kept.length, 16);
    const index = random.below(2) === 0 ? random.below(kept.length || 1) : kept.length - 1 - random.below(recent || 1);
    return kept[index];
  }

  /** True: it got to a feature that none before it got to. */
  async #run(input: Input): Promise<boolean> {
    const { target, running, found } = this.#options;
    running(input);
    const { executions, features, failure } = await execute(target, input);
    this.executions += executions;
    if (failure !== undefined) {
      this.#isOver = this.#options.stopsAtFirst === true;
      await found(input, failure);
      return false;
    }
    let isNew = false;
    for (const feature of features) {
      if (this.#features[feature] !== 0) continue;
      this.#features[feature] = 1;
      this.#featureCount += 1;
      isNew = true;
    }
    return isNew;
  }

  #takeNew(): Set<string> {
    const fresh = new Set<string>();
    for (const block of this.#options.coverage.takeBlocks()) {
      if (this.#blocks.has(block)) continue;
      this.#blocks.add(block);
      fresh.add(block);
    }
    return fresh;
  }

  /** `wanted`: blocks that one of `inputs` at least gets to. */
  async #keepThoseThatReach(wanted: Set<string>, inputs: readonly Input[]): Promise<void> {
    const [first] = inputs;
    if (first === undefined || wanted.size === 0) return;
    if (inputs.length === 1) {
      if (!this.kept.includes(first)) this.kept.push(first);
      return;
    }
    const middle = inputs.length >>> 1;
    const half = inputs.slice(0, middle);
    for (const input of half) await this.#run(input);
    const reached = new Set(this.#options.coverage.takeBlocks().filter((block) => wanted.has(block)));
    await this.#keepThoseThatReach(reached, half);
    await this.#keepThoseThatReach(new Set([...wanted].filter((block) => !reached.has(block))), inputs.slice(middle));
  }
}
