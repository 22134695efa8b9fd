import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hypervisorLeaves } from './hypervisor-leaves.ts';

const words = (vpCount: number, tscInvariant: boolean, lazyEoi = false): string[] =>
  hypervisorLeaves(vpCount, { tscInvariant, lazyEoi }).map(({ function: leaf, eax, ebx, ecx, edx }) =>
    [leaf, eax, ebx, ecx, edx].map((word) => word.toString(16)).join(' '),
  );

test('with an invariant TSC: the leaves that Linux 6.1 boots with', () => {
  assert.deepEqual(words(4, true), [
    '40000000 40000006 7263694d 666f736f 76482074',
    '40000001 31237648 0 0 0',
    '40000002 0 0 0 0',
    '40000003 8864 30 0 500',
    '40000004 220 ffffffff 0 0',
    '40000005 4 4 0 0',
    '40000006 0 0 0 0',
  ]);
});

test('without: the reference TSC page and its fallback instead', () => {
  assert.equal(words(1, false)[3], '40000003 a66 30 0 500');
});

test('where the kernel ends interrupts lazily: the APIC MSRs, and the advice to use them', () => {
  const [, , , features, advice] = words(1, true, true);
  assert.deepEqual([features, advice], ['40000003 8874 30 0 500', '40000004 228 ffffffff 0 0']);
});
