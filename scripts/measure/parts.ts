/** What is measured: parts whose correctness a guest's host depends on, and that need neither a VM nor a device to be tested. */
import { globSync } from 'node:fs';
import { REPOSITORY } from '../test-files.ts';

export const PARTS = ['hyperv', 'vmbus', 'vpci'] as const;

export type Part = (typeof PARTS)[number];

export const isPart = (name: string): name is Part => PARTS.some((part) => part === name);

/** What is shipped of a part, by path from the repository. Tests and what helps them are not measured. */
export const productFiles = (part: Part): readonly string[] =>
  globSync(`src/${part}/**/*.ts`, { cwd: REPOSITORY, exclude: ['**/*.test.ts', '**/testing/**'] }).toSorted();

/** The tests beside a part's code. No other part's tests count for it. */
export const testFiles = (part: Part): readonly string[] =>
  globSync(`src/${part}/**/*.test.ts`, { cwd: REPOSITORY }).toSorted();
