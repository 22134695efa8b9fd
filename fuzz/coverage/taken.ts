import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ScriptCoverage } from '../engine/code-coverage.ts';
import type { TargetName } from '../targets/index.ts';
import { type Branch, branchesOf } from './branches.ts';
import { DECODERS, LEFT_OUT } from './decoders.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');

/** Those of a file's branches that were taken. */
export function takenOf(branches: readonly Branch[], script: ScriptCoverage): Branch[] {
  const counts = countsAt(
    branches.flatMap(({ start, except }) => [start, ...except]),
    script,
  );
  const countOf = (position: number): number => counts.get(position) ?? 0;
  return branches.filter(({ start, except }) => {
    const others = except.reduce((sum, position) => sum + countOf(position), 0);
    return countOf(start) - others > 0;
  });
}

/** How often the code at each of these places ran: what the smallest range around it says. */
function countsAt(places: readonly number[], script: ScriptCoverage): Map<number, number> {
  const sorted = [...new Set(places)].toSorted((a, b) => a - b);
  const counts = new Map<number, number>();
  const ranges = script.functions.flatMap((each) => each.ranges);
  // Ranges lie within each other or apart: a smaller one is written over those around it.
  for (const { startOffset, endOffset, count } of ranges.toSorted((a, b) => sizeOf(b) - sizeOf(a))) {
    for (let at = firstFrom(sorted, startOffset); at < sorted.length; at += 1) {
      const place = sorted[at] ?? endOffset;
      if (place >= endOffset) break;
      counts.set(place, count);
    }
  }
  return counts;
}

function sizeOf({ startOffset, endOffset }: { readonly startOffset: number; readonly endOffset: number }): number {
  return endOffset - startOffset;
}

/** The index of the first number that is no less. */
function firstFrom(sorted: readonly number[], least: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? least) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * For `CodeCoverage`: the branches of the decoders that a target drives. V8 counts what is on the right of an `&&` and inside an `if`; that
 * it was gone past is seen only from the difference of two counters.
 */
export function branchesTaken(target: TargetName): (script: ScriptCoverage) => string[] {
  const byUrl = new Map<string, readonly Branch[]>();
  for (const [file, drivenBy] of Object.entries(DECODERS)) {
    if (!drivenBy.includes(target)) continue;
    const path = join(REPOSITORY, file);
    byUrl.set(pathToFileURL(path).href, branchesOf(readFileSync(path, 'utf8'), LEFT_OUT[file]?.names));
  }
  return (script) => {
    const branches = byUrl.get(script.url);
    if (branches === undefined) return [];
    return takenOf(branches, script).map(({ position, what }) => `${script.scriptId} ${position} ${what}`);
  };
}
