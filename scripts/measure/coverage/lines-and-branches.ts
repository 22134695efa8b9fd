/** Lines and branches that a part's tests take, by Istanbul's counters. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import istanbul, { type CoverageMapData } from 'istanbul-lib-coverage';
import { writeQuickBatches } from '../../quick-batches.ts';
import { CACHE, REPOSITORY } from '../../test-files.ts';
import { productFiles, testFiles, type Part } from '../parts.ts';

export interface Share {
  readonly reached: number;
  readonly of: number;
}

export interface Coverage {
  readonly lines: Share;
  readonly branches: Share;
  /** What no test takes, for a person: `src/vmbus/server.ts:31`, with what it is. */
  readonly missed: readonly string[];
}

/**
 * Runs all tests of `part` and says what they took. A line counts if a statement begins on it; comments and types are none.
 *
 * @throws Error with their output, when tests fail.
 */
export function coverageOf(part: Part, only: readonly string[]): Coverage {
  const directory = join(CACHE, 'measure');
  mkdirSync(directory, { recursive: true });
  const resultFile = join(directory, `coverage-${part}-${process.pid}.json`);
  const batches = writeQuickBatches(testFiles(part), {
    repository: REPOSITORY,
    directory: join(REPOSITORY, 'node_modules/.cache/dda-measure', part),
    count: 1,
  });
  const { status, stdout, stderr, error } = spawnSync(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      '--import',
      join(import.meta.dirname, 'instrument-on-load.ts'),
      '--test-reporter=dot',
      ...batches,
    ],
    {
      cwd: REPOSITORY,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      env: {
        ...process.env,
        DDA_COUNTED: JSON.stringify(productFiles(part).map((file) => join(REPOSITORY, file))),
        DDA_COUNTS: resultFile,
      },
    },
  );
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`tests of ${part} failed with coverage counters in them:\n${stdout}${stderr}`);
  const counted = JSON.parse(readFileSync(resultFile, 'utf8')) as CoverageMapData;
  rmSync(resultFile);
  return summary(counted, only);
}

function summary(counted: CoverageMapData, only: readonly string[]): Coverage {
  const map = istanbul.createCoverageMap(counted);
  const total = { lines: { reached: 0, of: 0 }, branches: { reached: 0, of: 0 } };
  const missed: string[] = [];
  for (const path of map.files().toSorted()) {
    const file = relative(REPOSITORY, path);
    if (!only.includes(file)) continue;
    const coverage = map.fileCoverageFor(path);
    const { lines, branches } = coverage.toSummary();
    total.lines = { reached: total.lines.reached + lines.covered, of: total.lines.of + lines.total };
    total.branches = { reached: total.branches.reached + branches.covered, of: total.branches.of + branches.total };
    missed.push(...coverage.getUncoveredLines().map((line) => `${file}:${line}  line`));
    for (const [id, counts] of Object.entries(coverage.b)) {
      const branch = coverage.branchMap[id];
      if (branch === undefined)
        throw new Error(`Istanbul counted a branch ${id} of ${file} and doesn't say where it is`);
      counts.forEach((count, way) => {
        if (count === 0) missed.push(`${file}:${branch.line}  ${branch.type}, way ${way + 1}`);
      });
    }
  }
  return { ...total, missed };
}
