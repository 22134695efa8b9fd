/** How many mistakes that StrykerJS puts into a part its tests find. */
import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { MutantResult, PartialStrykerOptions } from '@stryker-mutator/api/core';
import { Stryker } from '@stryker-mutator/core';
import { CACHE, REPOSITORY } from '../../test-files.ts';
import { testFiles, type Part } from '../parts.ts';
import type { InProcessOptions } from './in-process-runner.ts';
import { isLeftOut } from './left-out.ts';

export interface MutationScore {
  readonly found: number;
  /** All mutants but those in sentences. */
  readonly of: number;
  /** Among the found: those that don't come to an end. */
  readonly endless: number;
  /** Among all: those that take effect as a module is loaded. */
  readonly atLoad: number;
  readonly sentences: number;
  /** For a person: where, what was there, what stood in its place. */
  readonly survivors: readonly string[];
}

/**
 * Tries every mutant of `files` with the tests of `part`.
 *
 * @throws Error when the tests fail without a mutant, or Stryker itself does.
 */
export async function mutationScoreOf(part: Part, files: readonly string[], workers: number): Promise<MutationScore> {
  const directory = join(CACHE, 'measure');
  mkdirSync(directory, { recursive: true });
  const options: PartialStrykerOptions & InProcessOptions = {
    mutate: [...files],
    ignorePatterns: ['**', '!src/**', '!docs/**', '!package.json'],
    testRunner: 'in-process',
    inProcess: { testFiles: testFiles(part).filter((file) => !isLeftOut(file)) },
    testRunnerNodeArgs: ['--disable-warning=ExperimentalWarning'],
    plugins: [join(import.meta.dirname, 'in-process-runner.ts')],
    ignorers: ['sentences'],
    coverageAnalysis: 'perTest',
    concurrency: workers,
    disableTypeChecks: false,
    // More than the slowest test takes; an endless loop costs so much and the start of another process.
    timeoutMS: 3000,
    timeoutFactor: 2,
    tempDirName: join(directory, 'sandboxes'),
    cleanTempDir: 'always',
    reporters: ['progress-append-only', 'json'],
    jsonReporter: { fileName: join(directory, `mutants-${part}.json`) },
    warnings: { slow: false, unknownOptions: true, preprocessorErrors: true, unserializableOptions: true },
  };
  // Its type is an enum that no program can name.
  Object.assign(options, { logLevel: 'warn' });
  process.chdir(REPOSITORY);
  return score(await new Stryker(options).runMutationTest());
}

function score(mutants: readonly MutantResult[]): MutationScore {
  const counted = mutants.filter(({ status }) => status !== 'Ignored');
  const broken = counted.find(({ status }) => status === 'RuntimeError' || status === 'Pending');
  if (broken !== undefined) throw new Error(`${describe(broken)}: ${broken.status}: ${broken.statusReason}`);
  const survivors = counted.filter(({ status }) => status === 'Survived' || status === 'NoCoverage');
  return {
    found: counted.length - survivors.length,
    of: counted.length,
    endless: counted.filter(({ status }) => status === 'Timeout').length,
    atLoad: counted.filter((mutant) => mutant.static === true).length,
    sentences: mutants.length - counted.length,
    survivors: survivors.toSorted(byPlace).map(describe),
  };
}

const byPlace = (one: MutantResult, other: MutantResult): number =>
  one.fileName.localeCompare(other.fileName) ||
  one.location.start.line - other.location.start.line ||
  one.location.start.column - other.location.start.column;

function describe({ fileName, location, mutatorName, replacement, status }: MutantResult): string {
  const place = `${relative(REPOSITORY, fileName)}:${location.start.line}:${location.start.column}`;
  const inItsPlace = (replacement ?? '').replaceAll(/\s+/g, ' ').slice(0, 100);
  return `${place}  ${mutatorName}: ${inItsPlace}${status === 'NoCoverage' ? '  (no test gets there)' : ''}`;
}
