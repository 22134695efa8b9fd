import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { referenceTime, referenceTscPage, referenceTscScale } from './time.ts';

test('reference time counts 100 ns, and never below zero', () => {
  assert.equal(referenceTime(0n), 0n);
  assert.equal(referenceTime(99n), 0n);
  assert.equal(referenceTime(1_000_000_000n), 10_000_000n);
  assert.equal(referenceTime(-1n), 0n);
});

test('the reference TSC page of a 2.5 GHz TSC', () => {
  const page = Buffer.from(referenceTscPage(2_500_000_000));
  assert.equal(page.length, 4096);
  assert.equal(page.subarray(0, 24).toString('hex'), '0100000000000000' + 'be9f1a2fdd240601' + '0000000000000000');
  assert.ok(page.subarray(24).every((byte) => byte === 0));
});

test("the guest's arithmetic on the page agrees with the counter within two units for a year", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 10_000_001, max: 6_000_000_000 }),
      fc.bigInt({ min: 0n, max: 31_536_000_000_000_000n }),
      (hz, ns) => {
        const tsc = (ns * BigInt(hz)) / 1_000_000_000n;
        const fromPage = (tsc * referenceTscScale(hz)) >> 64n;
        const difference = referenceTime(ns) - fromPage;
        assert.ok(difference >= 0n && difference <= 2n, `${difference}`);
      },
    ),
  );
});
