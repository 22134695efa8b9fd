/** Which tests there are, and how they are run. */
import { join } from 'node:path';
import { writeQuickBatches } from './quick-batches.ts';

export const REPOSITORY = join(import.meta.dirname, '..');
export const CACHE = process.env['DDA_CACHE'] ?? join(REPOSITORY, '.cache');

/** Beside the code: milliseconds each, on the plain host. */
const QUICK_TESTS = ['src/**/*.test.ts', 'rig/**/*.test.ts', 'fuzz/**/*.test.ts', 'scripts/**/*.test.ts'] as const;

/** Two for each of the two processes that run at a time: then a long one has less to wait for at the end. */
const QUICK_BATCHES = 4;

/** What runs the quick tests, for `node --test`. */
export const quickTests = (): readonly string[] =>
  // Each checkout has batches of its own, also where a cache is shared.
  writeQuickBatches(QUICK_TESTS, {
    repository: REPOSITORY,
    directory: join(REPOSITORY, 'node_modules/.cache/dda-tests'),
    count: QUICK_BATCHES,
  });

/** Scenarios that need a rig. */
export const RIG_TESTS = ['test/**/*.test.ts'] as const;

/** More scenarios: what is there beside the main job, and would make `npm test` longer than a quarter of an hour. */
export const MORE_TESTS = ['test/**/*.more.ts'] as const;

/** Those that take longer than all others. */
export const LONG_TESTS = ['test/**/*.long.ts'] as const;

export const nodeTestArguments = (patterns: readonly string[], options: readonly string[] = []): string[] => [
  '--disable-warning=ExperimentalWarning',
  '--test',
  '--test-reporter=spec',
  ...options,
  ...patterns,
];
