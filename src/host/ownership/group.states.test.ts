import assert from 'node:assert/strict';
import test from 'node:test';
import { step } from './step.ts';
import { rules } from './testing/rules.ts';
import { oneGroup } from './testing/scopes.ts';
import { returnsEnd, searchOwnership } from './testing/search.ts';

test('every state of two VMs and two functions of one IOMMU group', (t) => {
  const { states, transitions, longest } = searchOwnership(step, oneGroup);
  t.diagnostic(`${states} states, ${transitions} transitions`);
  for (const rule of [...Object.keys(rules), returnsEnd]) t.diagnostic(`holds: ${rule}`);
  for (const [name, steps] of longest) {
    t.diagnostic(`${name} is home after at most ${steps} time-outs and answers of the kernel`);
    assert.ok(steps <= 6);
  }
  assert.ok(states > 20_000, 'the search got somewhere');
});
