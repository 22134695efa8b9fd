import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { withLockupTables } from './lockup-page.ts';

test('docs/hardening.md says what the tables say (node scripts/hardening-page.ts writes it)', () => {
  const page = readFileSync(new URL('../../../../docs/hardening.md', import.meta.url), 'utf8');
  assert.equal(page, withLockupTables(page));
});

test('a page without a place for the tables is told', () => {
  assert.throws(() => withLockupTables('# Hardening'), RangeError);
});
