import assert from 'node:assert/strict';
import test from 'node:test';
import { type ExitSample, exitWindow } from './exit-window.ts';

const MS = 1_000_000n;
/** A sample every 50 ms from 0 to 5 s; `exits` by its time in ms. */
const samples = (exits: (atMs: number) => number): ExitSample[] =>
  Array.from({ length: 101 }, (_, index) => ({ atNs: BigInt(index * 50) * MS, exits: exits(index * 50) }));

// Typed at 100 ms; the guest hears it, is silent, reads from 1200 to 3000 ms, is silent, and speaks from 4000 ms on.
const typed = 100n * MS;
const spoke = 4050n * MS;

test('the window lies in the silence on both sides of the reads', () => {
  const window = exitWindow(
    samples(() => 7),
    typed,
    spoke,
  );
  assert.deepEqual([window?.from.atNs, window?.to.atNs], [1050n * MS, 3100n * MS]);
});

test("the console's exits before and after are outside", () => {
  const window = exitWindow(
    samples((at) => (at < 150 ? 0 : at < 4000 ? 40 : 90)),
    typed,
    spoke,
  );
  assert.equal(Number(window?.to.exits) - Number(window?.from.exits), 0);
});

test('every exit during the reads is inside', () => {
  const window = exitWindow(
    samples((at) => (at < 1200 ? 0 : at < 3000 ? at - 1200 : 1800)),
    typed,
    spoke,
  );
  assert.equal(Number(window?.to.exits) - Number(window?.from.exits), 1800);
});

test('no sample in the first silence: no number rather than one that may be too low', () => {
  const late = samples(() => 0).filter(({ atNs }) => atNs > 1100n * MS);
  assert.equal(exitWindow(late, typed, spoke), undefined);
});

test('samples that were held up widen the window', () => {
  const sparse = samples(() => 0).filter(({ atNs }) => atNs <= 200n * MS || atNs >= 4500n * MS);
  const window = exitWindow(sparse, typed, spoke);
  assert.deepEqual([window?.from.atNs, window?.to.atNs], [200n * MS, 4500n * MS]);
});
