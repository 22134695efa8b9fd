import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BIT_CHANGES, HIDDEN_LEAVES } from './cpuid.ts';
import { FEATURES, type Offer, PRIVILEGES_HIGH, PRIVILEGES_LOW, RECOMMENDATIONS } from './feature-bits.ts';
import { HypervMsr } from './msr-index.ts';
import { PartitionBench } from './testing/partition-bench.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/hypervisor-contract.md'), 'utf8');
const lines = page.split('\n');

/** The rows of the table under the heading that begins with `heading`. */
function tableUnder(heading: string): string[] {
  const start = lines.findIndex((line) => line.startsWith('#') && line.includes(heading));
  assert.notEqual(start, -1, heading);
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => line.startsWith('#'));
  return rest
    .slice(0, end === -1 ? undefined : end)
    .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'));
}

const OFFERS: Readonly<Record<Offer, string>> = {
  always: '**yes**',
  never: 'no',
  'with-invariant-tsc': 'invariant TSC',
  'with-reference-tsc-page': 'reference TSC page',
  'with-lazy-eoi': 'lazy EOI',
};

for (const [heading, bits] of [
  ['0x40000003 EAX', PRIVILEGES_LOW],
  ['0x40000003 EBX', PRIVILEGES_HIGH],
  ['0x40000003 EDX', FEATURES],
  ['0x40000004 EAX', RECOMMENDATIONS],
] as const) {
  test(`the page's table of leaf ${heading} is the code's`, () => {
    const rows = bits.map(({ bit, name, offer, why }) => `| ${bit} | ${name} | ${OFFERS[offer]} | ${why} |`);
    assert.deepEqual(tableUnder(heading).slice(1), rows);
  });
}

test("the page's tables of changed bits and hidden leaves are the code's", () => {
  const leafName = (leaf: number): string => `0x${leaf.toString(16).toUpperCase()}`;
  const changes = BIT_CHANGES.map(
    ({ leaf, register, bit, on, name, why }) =>
      `| ${leafName(leaf)} ${register.toUpperCase()} ${bit} | ${name} | ${on ? 'set' : 'clear'} | ${why} |`,
  );
  assert.deepEqual(tableUnder('Bits of the processor').slice(1), changes);
  const hidden = HIDDEN_LEAVES.map(({ leaf, name, why }) => `| ${leafName(leaf)} | ${name} | ${why} |`);
  assert.deepEqual(tableUnder('Hidden leaves').slice(1), hidden);
});

test('the page names every MSR, with the access that the code gives', () => {
  const rows = tableUnder('MSRs').slice(1);
  const listed = rows.map((row) => row.split('|').map((cell) => cell.trim()));
  for (const [name, msr] of Object.entries(HypervMsr)) {
    const number = `0x${msr.toString(16)}`;
    const row = listed.find(([, numbers, names]) => numbers?.includes(number) && names?.includes(name));
    assert.ok(row, `${number} ${name}`);
    assert.equal(row[3], accessOf(msr), `${number} ${name}`);
  }
});

/** "RW" and so on, "–" for none; what the clock decides carries its condition. */
function accessOf(msr: number): string {
  const [invariant, referencePage] = [true, false].map((tscInvariant) => {
    const { partition } = new PartitionBench({ tscInvariant });
    const read = partition.readMsr(0, msr) === 'fault' ? '' : 'R';
    const write = [0n, 1n, 0x10000n, 0x1001n].some((value) => partition.writeMsr(0, msr, value) === 'accepted')
      ? 'W'
      : '';
    return `${read}${write}` || '–';
  });
  return invariant === referencePage ? `${invariant}` : `${invariant} / ${referencePage}`;
}
