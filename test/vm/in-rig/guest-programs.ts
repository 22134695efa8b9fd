import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { CpioEntry } from '../../../src/vm/index.ts';

/** Programs of this host for the guest's `/bin`, with every library that the loader would give them here. */
export function guestPrograms(paths: readonly string[]): CpioEntry[] {
  const libraries = new Set<string>();
  for (const path of paths) {
    const listed = execFileSync('ldd', [path], { encoding: 'utf8' });
    for (const [, found] of listed.matchAll(/(\/\S+) \(0x/g)) if (found !== undefined) libraries.add(found);
    assert.doesNotMatch(listed, /not found/, path);
  }
  const file = (path: string, source: string): CpioEntry => ({
    kind: 'file',
    path,
    data: readFileSync(source),
    mode: 0o755,
  });
  return [
    ...paths.map((path) => file(join('/bin', basename(path)), path)),
    ...[...libraries].map((path) => file(path, path)),
  ];
}
