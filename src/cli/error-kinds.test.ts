import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { errorKinds, exitCodeFor } from './error-kinds.ts';

test('docs/errors.md lists every code that a command can end with, with its exit code and meaning, and no other', () => {
  const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `([a-z0-9-]+)` \| (\d+) \| (.*?) \|/gm)].map(
    ([, code = '', exitCode, when]) => [code, { exitCode: Number(exitCode), when }] as const,
  );
  assert.deepEqual(Object.fromEntries(rows), errorKinds);
  assert.equal(new Set(rows.map(([code]) => code)).size, rows.length);
});

test("a code from a newer dda's VM still has an exit code", () => {
  assert.equal(exitCodeFor('something-new'), 5);
  assert.equal(exitCodeFor('function-in-use'), 4);
});
