import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CapabilityId, ExtendedCapabilityId } from '../pci/index.ts';
import { extendedCapabilityRules } from './config-policy-extended.ts';
import { renderConfigPolicyPage } from './config-policy-page.ts';
import { headerRules } from './config-policy-header.ts';
import { standardCapabilityRules } from './config-policy-standard.ts';
import type { RegisterRule } from './config-policy.ts';

test('the page in docs is what the policy says (write it with node scripts/config-policy-page.ts)', () => {
  const page = readFileSync(new URL('../../docs/config-policy.md', import.meta.url), 'utf8');
  assert.equal(page, renderConfigPolicyPage());
});

test('every capability with a name has exactly one rule', () => {
  const standard = standardCapabilityRules.map((rule) => rule.id).sort((a, b) => a - b);
  assert.deepEqual(
    standard,
    [...Object.values(CapabilityId)].sort((a, b) => a - b),
  );
  const extended = extendedCapabilityRules.map((rule) => rule.id).sort((a, b) => a - b);
  assert.deepEqual(
    extended,
    [...Object.values(ExtendedCapabilityId)].sort((a, b) => a - b),
  );
});

test('no register has two rules, and no bit two meanings', () => {
  const lists: (readonly RegisterRule[])[] = [headerRules];
  for (const rule of [...standardCapabilityRules, ...extendedCapabilityRules]) {
    if (rule.visibility === 'shown') lists.push(rule.registers);
  }
  for (const list of lists) {
    let end = 0;
    for (const rule of list) {
      assert(rule.offset >= end, rule.register);
      end = rule.offset + rule.sizeBytes;
      const masks = [rule.shown === 'all' ? 0 : rule.shown, rule.kept, rule.passedOn, rule.acts];
      const present = masks.map((mask) => mask ?? 0);
      const sum = present.reduce((total, mask) => total + mask, 0);
      const union = present.reduce((total, mask) => (total | mask) >>> 0, 0);
      assert.equal(sum, union, rule.register);
    }
  }
});

test('the header is covered without gaps', () => {
  let end = 0;
  for (const rule of headerRules) {
    // 0x35 to 0x3b are reserved.
    assert(rule.offset === end || (end === 0x35 && rule.offset === 0x3c), rule.register);
    end = rule.offset + rule.sizeBytes;
  }
  assert.equal(end, 0x40);
});
