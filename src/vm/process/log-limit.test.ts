import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogLimit } from './log-limit.ts';

test('a burst passes, then two a second, and what was left out is counted', () => {
  const limit = new LogLimit(0);
  for (let i = 0; i < 20; i++) assert.equal(limit.pass(0), 0);
  for (let i = 0; i < 7; i++) assert.equal(limit.pass(100), undefined);
  assert.equal(limit.pass(600), 7);
  assert.equal(limit.pass(601), undefined);
  for (let i = 0; i < 20; i++) assert.equal(limit.pass(1_000_000), i === 0 ? 1 : 0);
  assert.equal(limit.pass(1_000_000), undefined, 'a long silence saves up no more than a burst');
});
