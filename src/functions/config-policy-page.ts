import { capabilityName, extendedCapabilityName } from '../pci/index.ts';
import { extendedCapabilityRules } from './config-policy-extended.ts';
import { headerRules } from './config-policy-header.ts';
import { standardCapabilityRules } from './config-policy-standard.ts';
import { deviceSpecificReason, unlistedCapabilityReason } from './config-policy.ts';
import type { CapabilityRule, RegisterRule } from './config-policy.ts';

/** docs/config-policy.md, from the policy's tables. A test holds the two together. */
export function renderConfigPolicyPage(): string {
  return [
    '# What a guest sees of a function: configuration space',
    '',
    'Written from the tables in `src/functions/config-policy*.ts` by `node scripts/config-policy-page.ts`; a test compares.',
    '',
    'The guest never reaches the configuration space of the function itself. It reads an image, and each write either',
    "changes the image, asks the function for something in the function's own terms, or is dropped. What no row names",
    'reads 0 and swallows writes.',
    '',
    '| word | meaning |',
    '| --- | --- |',
    '| shown | reads as the function had it after its last reset; writes are dropped |',
    "| kept | the guest's writes stay in the image; the function doesn't see them |",
    "| passed on | the guest's writes stay in the image and reach the function |",
    '| acts | reads 0; writing 1 does something |',
    '| zero | reads 0; writes are dropped |',
    '',
    '## Header',
    '',
    ...registerTable(headerRules),
    '',
    '## Capabilities of the first 256 bytes',
    '',
    ...capabilityTable(standardCapabilityRules, capabilityName),
    ...registerSections(standardCapabilityRules, capabilityName),
    '',
    '## Extended capabilities',
    '',
    'The list starts at 0x100. Where the capability there is hidden, a null capability (id 0) leads to the first one shown.',
    'A function of conventional PCI has no extended space: it reads all ones.',
    '',
    ...capabilityTable(extendedCapabilityRules, extendedCapabilityName),
    ...registerSections(extendedCapabilityRules, extendedCapabilityName),
    '',
    '## Everything else',
    '',
    '| what | access | reason |',
    '| --- | --- | --- |',
    `| capabilities named nowhere above | hidden | ${unlistedCapabilityReason} |`,
    `| bytes outside header and capabilities | zero | ${deviceSpecificReason} |`,
    '',
    '## Registers that change by themselves',
    '',
    'The image is plain memory, so a register that the function changes by itself needs a rule: Device Status and the error bits of',
    'Status read 0; Link Status reads as it stood after the last reset; VPD, AER, power budgeting and mailboxes are hidden; the power',
    'state changes only by the guest itself. Nothing else that is shown changes between two resets.',
    '',
  ].join('\n');
}

function registerTable(rules: readonly RegisterRule[]): string[] {
  return [
    '| offset | register | access | reason |',
    '| --- | --- | --- | --- |',
    ...rules.map((rule) => `| ${hex(rule.offset)} | ${rule.register} | ${describeAccess(rule)} | ${rule.reason} |`),
  ];
}

function capabilityTable(rules: readonly CapabilityRule[], nameOf: (id: number) => string | undefined): string[] {
  return [
    '| id | capability | access | reason |',
    '| --- | --- | --- | --- |',
    ...rules.map((rule) => `| ${hex(rule.id)} | ${nameOf(rule.id) ?? '?'} | ${rule.visibility} | ${rule.reason} |`),
  ];
}

function registerSections(rules: readonly CapabilityRule[], nameOf: (id: number) => string | undefined): string[] {
  return rules.flatMap((rule) =>
    rule.visibility === 'shown' ? ['', `### ${nameOf(rule.id) ?? '?'}`, '', ...registerTable(rule.registers)] : [],
  );
}

function describeAccess(rule: RegisterRule): string {
  const whole = rule.sizeBytes <= 4 ? 2 ** (8 * rule.sizeBytes) - 1 : undefined;
  const words: [string, number | 'all' | undefined][] = [
    ['shown', rule.shown],
    ['kept', rule.kept],
    ['passed on', rule.passedOn],
    ['acts', rule.acts],
  ];
  const parts = words.flatMap(([word, mask]) => {
    if (mask === undefined) return [];
    return [mask === 'all' || mask === whole ? word : `${word} ${hex(mask)}`];
  });
  if (rule.emulated !== undefined) parts.push(rule.emulated);
  return parts.length === 0 ? 'zero' : parts.join('; ');
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
