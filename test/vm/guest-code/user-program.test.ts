import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { SystemCall, userProgram } from './user-program.ts';

const CREATE_FOR_WRITING = 0o101;
const EISDIR = 21;

test('calls in order, with numbers, texts and earlier results; the first error ends it', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'dda-program-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const run = (path: string): number | null => {
    const program = join(directory, 'program');
    const calls = [
      { number: SystemCall.open, args: [{ text: path }, CREATE_FOR_WRITING, 0o600] },
      { number: SystemCall.write, args: [{ resultOf: 0 }, { text: 'it ran' }, 6] },
    ];
    writeFileSync(program, userProgram(calls), { mode: 0o700 });
    return spawnSync(program).status;
  };
  const path = join(directory, 'written');
  assert.equal(run(path), 0);
  assert.equal(readFileSync(path, 'utf8'), 'it ran');
  assert.equal(run(directory), EISDIR);
});
