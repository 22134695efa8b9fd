import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { writeQuickBatches } from './quick-batches.ts';

function repositoryWith(t: TestContext, files: Readonly<Record<string, string>>): string {
  const repository = mkdtempSync(join(tmpdir(), 'dda-batches-'));
  t.after(() => rmSync(repository, { recursive: true }));
  mkdirSync(join(repository, 'src'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(repository, 'src', `${name}.test.mjs`), text);
  return repository;
}

function run(repository: string, count: number): { readonly exitCode: number | null; readonly said: string } {
  const batches = writeQuickBatches(['src/*.test.mjs'], { repository, directory: join(repository, 'batches'), count });
  assert.equal(batches.length, count);
  // Else it takes itself for a part of the run that this test is in.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout } = spawnSync(process.execPath, ['--test', '--test-reporter=spec', ...batches], {
    env,
    encoding: 'utf8',
  });
  return { exitCode: status, said: stdout };
}

const passes = (name: string): string => `import test from 'node:test'; test('${name}', () => undefined);`;

test('every file runs, once, under its name', (t) => {
  const repository = repositoryWith(t, { one: passes('first'), two: passes('second'), three: passes('third') });
  const { exitCode, said } = run(repository, 2);
  assert.equal(exitCode, 0);
  for (const name of ['first', 'second', 'third']) assert.equal(said.split(`✔ ${name} (`).length, 2, said);
  assert.match(said, /src\/one\.test\.mjs/);
  assert.match(said, /ℹ tests 3\n/);
});

test('a file that can not be read, a test that fails and a hook that throws fail the run', (t) => {
  for (const bad of [
    'import "./nothing.mjs";',
    'import test from "node:test"; test("bad", () => { throw new Error("no"); });',
    'import test, { after } from "node:test"; after(() => { throw new Error("no"); }); test("good", () => undefined);',
  ]) {
    const { exitCode, said } = run(repositoryWith(t, { bad, good: passes('good') }), 1);
    assert.equal(exitCode, 1, said);
  }
});

test('hooks of one file are not those of another', (t) => {
  const hooked = 'import test, { beforeEach } from "node:test"; beforeEach(() => { throw new Error("not yours"); });';
  assert.equal(run(repositoryWith(t, { a: hooked, b: passes('mine') }), 1).exitCode, 0);
});

test('patterns that name nothing are an error, not a success', (t) => {
  const repository = repositoryWith(t, {});
  assert.throws(() => run(repository, 1), /There is no test in/);
});
