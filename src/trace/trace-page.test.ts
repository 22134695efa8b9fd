import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { withRecordTables } from './trace-page.ts';

test("docs/trace.md's tables are the code's (write them with node scripts/trace-page.ts)", () => {
  const page = readFileSync(new URL('../../docs/trace.md', import.meta.url), 'utf8');
  assert.equal(withRecordTables(page), page);
});
