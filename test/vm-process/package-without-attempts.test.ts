import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { bundle, bundleProduct } from '../../scripts/bundle.ts';

/** What only the program of that test says, and its table. */
const MARKS = ['dda-attempts', "another process's memory"];

async function filesOf(t: TestContext, make: (directory: string) => Promise<void>): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'dda-package-'));
  t.after(() => rmSync(directory, { recursive: true }));
  await make(directory);
  const names = readdirSync(directory).filter((name) => /\.c?js$/.test(name));
  assert.ok(names.includes('vm-process.js'));
  return names.map((name) => readFileSync(join(directory, name), 'utf8')).join('\n');
}

test('the package has nothing of what the test of an escaped guest does in a VM process', async (t) => {
  const product = await filesOf(t, bundleProduct);
  for (const mark of MARKS) assert.ok(!product.includes(mark), mark);
});

test('the bundle of that test has, so that this would be found', async (t) => {
  const tested = await filesOf(t, (directory) =>
    bundle('test/vm-process/in-rig/locked-up.ts', directory, {
      'src/vm/process/vm-process.ts': 'test/vm-process/in-rig/vm-process.ts',
    }),
  );
  for (const mark of MARKS) assert.ok(tested.includes(mark), mark);
});
