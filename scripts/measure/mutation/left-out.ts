/** Tests that take no part in looking for mutants. Coverage counts them. */

/** Searches of all states take seconds each, for every mutant that they reach, and look for what no single test can. */
const PATTERNS: readonly RegExp[] = [/\.states\.test\.ts$/];

export const isLeftOut = (file: string): boolean => PATTERNS.some((pattern) => pattern.test(file));
