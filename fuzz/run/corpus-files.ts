import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TargetName } from '../targets/index.ts';

const DIRECTORY = join(import.meta.dirname, '..', 'corpus');

function pathOf(target: TargetName): string {
  return join(DIRECTORY, `${target}.txt`);
}

/** The inputs that every run of a target begins with, one line each. */
export function readCorpus(target: TargetName): string[] {
  const path = pathOf(target);
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}

/** The shortest first. */
export function writeCorpus(target: TargetName, lines: readonly string[]): void {
  const sorted = lines.toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1));
  writeFileSync(pathOf(target), `${sorted.join('\n')}\n`);
}
