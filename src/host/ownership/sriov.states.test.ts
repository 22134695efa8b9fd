import assert from 'node:assert/strict';
import test from 'node:test';
import { step } from './step.ts';
import { sriov } from './testing/scopes.ts';
import { searchOwnership } from './testing/search.ts';

test('every state of a VM and a physical function with two virtual ones', (t) => {
  const { states, transitions, longest } = searchOwnership(step, sriov(['first'], ['one', 'other']));
  t.diagnostic(`${states} states, ${transitions} transitions`);
  assert.ok(Math.max(...longest.values()) <= 6);
  assert.ok(states > 20_000, 'the search got somewhere');
});
