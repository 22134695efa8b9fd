import assert from 'node:assert/strict';
import test from 'node:test';
import { type ExitSample, exitWindow } from './exit-window.ts';

const MS = 1_000_000n;
/** A sample every 50 ms from 0 to 8 s; `exits` by its time in ms. */
const samples = (exits: (atMs: number) => number): ExitSample[] =>
  Array.from({ length: 161 }, (_, index) => {
    const atNs = BigInt(index * 50) * MS;
    return { askedNs: atNs, answeredNs: atNs, exits: exits(index * 50) };
  });

// Typed at 100 ms; the guest hears it, is silent, reads from 2200 to 4000 ms, is silent, and speaks from 6000 ms on.
const typed = 100n * MS;
const spoke = 6050n * MS;

test('the window lies in the silence on both sides of the reads', () => {
  const window = exitWindow(
    samples(() => 7),
    typed,
    spoke,
  );
  assert.deepEqual([window?.from.answeredNs, window?.to.askedNs], [2000n * MS, 4150n * MS]);
});

test("the console's exits before and after are outside", () => {
  const window = exitWindow(
    samples((at) => (at < 150 ? 0 : at < 6000 ? 40 : 90)),
    typed,
    spoke,
  );
  assert.equal(Number(window?.to.exits) - Number(window?.from.exits), 0);
});

test('every exit during the reads is inside', () => {
  const window = exitWindow(
    samples((at) => (at < 2200 ? 0 : at < 4000 ? at - 2200 : 1800)),
    typed,
    spoke,
  );
  assert.equal(Number(window?.to.exits) - Number(window?.from.exits), 1800);
});

test('no sample in the first silence: no number rather than one that may be too low', () => {
  const late = samples(() => 0).filter(({ askedNs: atNs }) => atNs > 2050n * MS);
  assert.equal(exitWindow(late, typed, spoke), undefined);
});

test('samples that were held up widen the window', () => {
  const sparse = samples(() => 0).filter(({ askedNs: atNs }) => atNs <= 200n * MS || atNs >= 6500n * MS);
  const window = exitWindow(sparse, typed, spoke);
  assert.deepEqual([window?.from.answeredNs, window?.to.askedNs], [200n * MS, 6500n * MS]);
});

test('a sample counts as early as it was asked for, and as late as it was answered', () => {
  const slow = samples(() => 0).map((sample) => ({ ...sample, answeredNs: sample.askedNs + 40n * MS }));
  const window = exitWindow(slow, typed, spoke);
  assert.deepEqual([window?.from.askedNs, window?.to.askedNs], [1950n * MS, 4150n * MS]);
});
