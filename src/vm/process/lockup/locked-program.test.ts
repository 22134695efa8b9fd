import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

/**
 * Node itself under the filters: threads that begin and end, garbage, compiled code, its pool, an error that nobody catches. What it would do if a
 * call that it needs were refused is to abort or to stand still.
 */
const PROGRAM = fileURLToPath(new URL('./testing/locked-launch.ts', import.meta.url));
const timeout = 120_000;

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

/** Standard output and error are files, as those of a VM process: a pipe would ask Node for more than it gets. */
async function run(t: TestContext, mode: string, act: (child: ChildProcess) => void = () => undefined): Promise<Ended> {
  const directory = mkdtempSync(join(tmpdir(), 'dda-locked-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'output');
  const fd = openSync(file, 'w');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM, mode], {
    stdio: ['ignore', fd, fd],
  });
  closeSync(fd);
  t.after(() => child.kill('SIGKILL'));
  act(child);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.once('exit', (...end) => resolve(end));
  });
  return { code, signal, output: readFileSync(file, 'utf8') };
}

test('threads come to their end, and the process exits', { timeout }, async (t) => {
  const { code, signal, output } = await run(t, 'end');
  assert.deepEqual([code, signal], [7, null], output);
  assert.match(output, /^entered\n/);
  assert.match(output, /^SyntaxError$/m);
  assert.match(output, /^stat on the pool: EACCES$/m);
  assert.equal(output.match(/^vCPU \d ended with 61$/gm)?.length, 3, output);
  assert.match(output, /^done$/m);
});

test('threads that spin are stopped by kicks', { timeout }, async (t) => {
  const { code, signal, output } = await run(t, 'spin');
  assert.deepEqual([code, signal], [7, null], output);
  assert.equal(output.match(/^vCPU \d ended with 0$/gm)?.length, 3, output);
});

test('an error that nobody catches is said, with where it comes from', { timeout }, async (t) => {
  const { code, signal, output } = await run(t, 'throw');
  assert.deepEqual([code, signal], [1, null], output);
  assert.match(output, /Error: nobody planned for that\n\s+at .*locked-program\.ts/);
});
