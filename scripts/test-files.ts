/** Which tests there are, and how they are run. */

/** Beside the code: milliseconds each, on the plain host. */
export const QUICK_TESTS = ['src/**/*.test.ts', 'rig/**/*.test.ts', 'scripts/**/*.test.ts'] as const;

/** Scenarios that need a rig. */
export const RIG_TESTS = ['test/**/*.test.ts'] as const;

/** Those of which there is more than a quarter of an hour holds. */
export const LONG_TESTS = ['test/**/*.long.ts'] as const;

export const nodeTestArguments = (patterns: readonly string[], options: readonly string[] = []): string[] => [
  '--disable-warning=ExperimentalWarning',
  '--test',
  '--test-reporter=spec',
  ...options,
  ...patterns,
];
