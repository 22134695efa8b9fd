import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Figures, isReached, jsonLine, report } from './report.ts';

const figures = (lines: number, branches: number, found: number): Figures => ({
  part: 'vmbus',
  coverage: {
    lines: { reached: lines, of: 1000 },
    branches: { reached: branches, of: 1000 },
    missed: ['src/vmbus/server.ts:7  line'],
  },
  mutation: {
    found,
    of: 1000,
    endless: 3,
    atLoad: 20,
    sentences: 50,
    survivors: ['src/vmbus/server.ts:9:1  ArrayDeclaration: []'],
  },
});

test('each figure has an aim of its own, and all must be reached', () => {
  assert.equal(isReached([figures(950, 900, 850)]), true);
  assert.equal(isReached([figures(949, 900, 850)]), false);
  assert.equal(isReached([figures(950, 899, 850)]), false);
  assert.equal(isReached([figures(950, 900, 849), figures(1000, 1000, 1000)]), false);
});

test('what was not measured is not judged, and where there is nothing all of it is reached', () => {
  assert.equal(isReached([{ part: 'vpci' }]), true);
  const nothing = { reached: 0, of: 0 };
  assert.equal(isReached([{ part: 'vpci', coverage: { lines: nothing, branches: nothing, missed: [] } }]), true);
});

test('figures are rounded down: none looks as if it had reached what it has not', () => {
  const text = report(
    [figures(9499, 900, 850)].map((each) => ({
      ...each,
      coverage: { lines: { reached: 94_999, of: 100_000 }, branches: { reached: 9, of: 10 }, missed: [] },
    })),
    false,
  );
  assert.match(
    text,
    /lines 94\.9 % \(94999 of 100000, under 95 %\) {2}branches 90\.0 % \(9 of 10\) {2}mutants 85\.0 % \(850 of 1000\)/,
  );
});

test('what is missed is told to those who ask', () => {
  assert.doesNotMatch(report([figures(950, 900, 850)], false), /server\.ts/);
  const text = report([figures(950, 900, 850)], true);
  assert.match(text, /server\.ts:7 {2}line/);
  assert.match(text, /server\.ts:9:1 {2}ArrayDeclaration/);
});

test('a line of JSON', () => {
  assert.deepEqual(JSON.parse(jsonLine([figures(999, 900, 849), { part: 'vpci' }])), {
    vmbus: { lines: 99.9, branches: 90, mutants: 84.9 },
    vpci: {},
    reached: false,
  });
});
