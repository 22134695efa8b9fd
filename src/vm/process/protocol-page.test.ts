import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { withProtocolTables } from './protocol-page.ts';

test('docs/vm-process.md says what the schemas say (node scripts/vm-process-page.ts writes it)', () => {
  const page = readFileSync(new URL('../../../docs/vm-process.md', import.meta.url), 'utf8');
  assert.equal(page, withProtocolTables(page));
});

test('a page without a place for the tables is told', () => {
  assert.throws(() => withProtocolTables('# VM processes'), RangeError);
});
