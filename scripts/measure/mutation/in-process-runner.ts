/**
 * A test runner for StrykerJS that loads all tests of a part once and tries one mutant after the other in the same process: the mutants are
 * all in the code, each behind a condition, so another one is a variable's other value, and what it takes is the tests that reach it.
 */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { INSTRUMENTER_CONSTANTS, type InstrumenterContext, type StrykerOptions } from '@stryker-mutator/api/core';
import { commonTokens, declareClassPlugin, declareValuePlugin, PluginKind, tokens } from '@stryker-mutator/api/plugin';
import {
  determineHitLimitReached,
  type DryRunResult,
  DryRunStatus,
  type MutantRunOptions,
  type MutantRunResult,
  MutantRunStatus,
  type TestResult,
  type TestRunner,
  type TestRunnerCapabilities,
  TestStatus,
  toMutantRunResult,
} from '@stryker-mutator/api/test-runner';
import fc from 'fast-check';
import type { CollectedTest } from './collected-tests.ts';
import { LoadAgain } from './load-again.ts';
import { sentences } from './sentences.ts';

/** Property tests take the same inputs for each mutant, else a mutant's fate would be chance. */
const SEED = 20240229;

/** Where Stryker's code in the product and its test runner meet. */
const stryker: InstrumenterContext = ((globalThis as { [INSTRUMENTER_CONSTANTS.NAMESPACE]?: InstrumenterContext })[
  INSTRUMENTER_CONSTANTS.NAMESPACE
] ??= {});

class InProcessRunner implements TestRunner {
  static readonly inject = tokens(commonTokens.options);
  readonly #files: readonly string[];
  readonly #loader = new LoadAgain(process.cwd());
  /** Of the last run of each test: the quick ones first find most mutants. */
  readonly #milliseconds = new Map<string, number>();
  #tests: readonly CollectedTest[] = [];

  constructor(options: StrykerOptions) {
    this.#files = (options as StrykerOptions & InProcessOptions).inProcess.testFiles;
  }

  capabilities(): TestRunnerCapabilities {
    return { reloadEnvironment: true };
  }

  async init(): Promise<void> {
    new Worker(new URL('./end-with-parent.ts', import.meta.url)).unref();
    fc.configureGlobal({ seed: SEED, endOnFailure: true });
    this.#tests = await this.#loader.tests(this.#files);
  }

  async dryRun(): Promise<DryRunResult> {
    const tests: TestResult[] = [];
    for (const test of this.#tests) {
      stryker.currentTestId = test.id;
      tests.push(await this.#run(test));
    }
    delete stryker.currentTestId;
    const { mutantCoverage } = stryker;
    return { status: DryRunStatus.Complete, tests, ...(mutantCoverage === undefined ? {} : { mutantCoverage }) };
  }

  async mutantRun({
    activeMutant,
    mutantActivation,
    testFilter,
    hitLimit,
  }: MutantRunOptions): Promise<MutantRunResult> {
    Object.assign(stryker, {
      activeMutant: activeMutant.id,
      hitLimit,
      hitCount: hitLimit === undefined ? undefined : 0,
    });
    try {
      if (mutantActivation === 'runtime') return await this.#try(this.#tests, testFilter);
      return await this.#try(await this.#loader.tests(this.#files), testFilter);
    } catch (error) {
      // Tests don't throw here, so it is loading that failed.
      return { status: MutantRunStatus.Killed, killedBy: [], failureMessage: String(error), nrOfTests: 0 };
    } finally {
      delete stryker.activeMutant;
      delete stryker.hitLimit;
      delete stryker.hitCount;
    }
  }

  /** Runs tests until one fails. */
  async #try(all: readonly CollectedTest[], ids: readonly string[] | undefined): Promise<MutantRunResult> {
    const chosen = ids === undefined ? all : all.filter(({ id }) => ids.includes(id));
    const results: TestResult[] = [];
    for (const test of chosen.toSorted((one, other) => this.#cost(one) - this.#cost(other))) {
      const result = await this.#run(test);
      const timeout = determineHitLimitReached(stryker.hitCount, stryker.hitLimit);
      if (timeout !== undefined) return toMutantRunResult(timeout);
      results.push(result);
      if (result.status === TestStatus.Failed) break;
    }
    return toMutantRunResult({ status: DryRunStatus.Complete, tests: results });
  }

  async #run(test: CollectedTest): Promise<TestResult> {
    const startedAt = performance.now();
    const result = (): { id: string; name: string; fileName: string; timeSpentMs: number } => ({
      id: test.id,
      name: test.name,
      fileName: join(process.cwd(), test.fileName),
      timeSpentMs: performance.now() - startedAt,
    });
    try {
      await test.run();
      this.#milliseconds.set(test.id, performance.now() - startedAt);
      return { ...result(), status: TestStatus.Success };
    } catch (error) {
      const failureMessage = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return { ...result(), status: TestStatus.Failed, failureMessage };
    }
  }

  #cost({ id }: CollectedTest): number {
    return this.#milliseconds.get(id) ?? 0;
  }
}

/** The part's options for Stryker. `testFiles`: by path from the repository. */
export interface InProcessOptions {
  readonly inProcess: { readonly testFiles: readonly string[] };
}

export const strykerPlugins = [
  declareClassPlugin(PluginKind.TestRunner, 'in-process', InProcessRunner),
  declareValuePlugin(PluginKind.Ignore, 'sentences', sentences),
];

export const strykerValidationSchema = {
  properties: {
    inProcess: {
      type: 'object',
      properties: { testFiles: { type: 'array', items: { type: 'string' } } },
      required: ['testFiles'],
    },
  },
};
