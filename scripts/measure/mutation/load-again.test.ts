import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LoadAgain } from './load-again.ts';

test('tests are collected, not run, and each load has modules of its own', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'dda-load-again-'));
  try {
    mkdirSync(join(directory, 'src'));
    writeFileSync(join(directory, 'src/counter.ts'), 'export const counter: { value: number } = { value: 0 };\n');
    writeFileSync(
      join(directory, 'src/counter.test.ts'),
      `import assert from 'node:assert/strict';
      import { test } from 'node:test';
      import { counter } from './counter.ts';
      const count = (): void => { counter.value += 1; assert.equal(counter.value, 1); };
      test('counts', count);
      test('counts', (t) => { t.diagnostic(t.name); count(); });\n`,
    );
    const loader = new LoadAgain(directory);
    const [first, second, ...none] = await loader.tests(['src/counter.test.ts']);
    assert.deepEqual(none, []);
    assert.deepEqual(
      [first?.id, second?.id, second?.name],
      ['src/counter.test.ts > counts', 'src/counter.test.ts > counts (2)', 'counts'],
    );
    await first?.run();
    assert.throws(() => second?.run(), assert.AssertionError, 'they share what they import');
    const [again] = await loader.tests(['src/counter.test.ts']);
    await again?.run();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
