import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BIT_CHANGES, HIDDEN_LEAVES, shapeCpuid } from './cpuid.ts';
import type { CpuidEntry } from './cpuid-table.ts';

type Words = readonly [eax: number, ebx: number, ecx: number, edx: number];
const ONES = 0xffffffff;

const leaf = (number: number, [eax, ebx, ecx, edx]: Words): CpuidEntry => ({
  function: number,
  index: 0,
  flags: 0,
  eax,
  ebx,
  ecx,
  edx,
});
const subleaf = (number: number, index: number, words: Words): CpuidEntry => ({
  ...leaf(number, words),
  index,
  flags: 1,
});

/** "GenuineIntel"; a host with 8 cores of 2 threads, and KVM's own leaves. */
const intel: readonly CpuidEntry[] = [
  leaf(0, [0x1f, 0x756e6547, 0x6c65746e, 0x49656e69]),
  leaf(1, [0x000906ea, 0x05100800, ONES, ONES]),
  subleaf(4, 0, [0x1c004121, 0x01c0003f, 0x3f, 0]),
  subleaf(4, 1, [0x1c004143, 0x00c0003f, 0x3ff, 0]),
  subleaf(4, 2, [0x1c03c163, 0x02c0003f, 0x3fff, 6]),
  subleaf(4, 3, [0, 0, 0, 0]),
  leaf(5, [0x40, 0x40, 3, 0x11142120]),
  leaf(6, [0x77, 2, 9, 0]),
  subleaf(7, 0, [1, ONES, ONES, ONES]),
  subleaf(7, 1, [0x30, 0, 0, 0]),
  leaf(0xa, [0x07300404, 0, 0, 0x603]),
  subleaf(0xb, 0, [1, 2, 0x100, 5]),
  subleaf(0xb, 1, [4, 16, 0x201, 5]),
  subleaf(0x1f, 0, [1, 2, 0x100, 5]),
  leaf(0x40000000, [0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d]),
  leaf(0x40000001, [0x01007efb, 0, 0, 0]),
  leaf(0x40000100, [0x40000101, 0x4b4d564b, 0x564b4d56, 0x4d]),
  leaf(0x80000000, [0x80000008, 0, 0, 0]),
  leaf(0x80000001, [0, 0, 0x121, 0x2c100800]),
  leaf(0x80000007, [0, 0, 0, 0x100]),
  leaf(0x80000008, [0x3027, 0, 0, 0]),
];

/** "AuthenticAMD" with topology extensions. */
const amd: readonly CpuidEntry[] = [
  leaf(0, [0xd, 0x68747541, 0x444d4163, 0x69746e65]),
  leaf(1, [0x00830f10, 0x07100800, 0xfff83203, 0x178bfbff]),
  subleaf(7, 0, [0, 0x219c91a9, 0x00400004, 0]),
  leaf(0x80000000, [0x80000026, 0x68747541, 0x444d4163, 0x69746e65]),
  leaf(0x80000001, [0x00830f10, 0x40000000, ONES, 0x2fd3fbff]),
  leaf(0x80000008, [0x3030, 0x200, 0x0000700f, 0]),
  leaf(0x8000000a, [1, 0x8000, 0, 0xbcff]),
  subleaf(0x8000001d, 0, [0x4121, 0x01c0003f, 0x3f, 0]),
  subleaf(0x8000001d, 3, [0x1c163, 0x03c0003f, 0x3fff, 1]),
  subleaf(0x8000001d, 4, [0, 0, 0, 0]),
  leaf(0x8000001e, [7, 0x103, 0, 0]),
  leaf(0x8000001f, [0x1000f, 0x16f, 0x1fd, 1]),
  subleaf(0x80000026, 0, [1, 2, 0x100, 7]),
];

function shaped(supported: readonly CpuidEntry[], vpIndex: number, vpCount: number, tscInvariant = true) {
  const entries = shapeCpuid(supported, { vpIndex, vpCount, tscInvariant, lazyEoi: false });
  const words = (number: number, index = 0): Words | undefined => {
    const found = entries.filter((entry) => entry.function === number && (entry.flags === 0 || entry.index === index));
    assert.ok(found.length <= 1, `leaf ${number.toString(16)} stands once`);
    return found[0] && [found[0].eax, found[0].ebx, found[0].ecx, found[0].edx];
  };
  return { entries, words };
}

test('no other hypervisor is left, and ours is complete', () => {
  const { entries } = shaped(intel, 0, 1);
  assert.deepEqual(
    entries.map((entry) => entry.function).filter((number) => number >>> 28 === 4),
    [0x40000000, 0x40000001, 0x40000002, 0x40000003, 0x40000004, 0x40000005, 0x40000006],
  );
  assert.equal(entries.find((entry) => entry.function === 0x40000000)?.ebx, 0x7263694d);
});

test('every word is an unsigned 32-bit number, every leaf stands once, in order', () => {
  for (const supported of [intel, amd]) {
    const { entries } = shaped(supported, 63, 64);
    for (const { function: number, index, flags, eax, ebx, ecx, edx } of entries) {
      for (const word of [number, index, flags, eax, ebx, ecx, edx]) assert.equal(word, word >>> 0);
    }
    const keys = entries.map((entry) => entry.function * 1000 + entry.index);
    assert.deepEqual(
      keys,
      [...new Set(keys)].toSorted((a, b) => a - b),
    );
  }
});

test('leaf 1 carries the APIC id and the count, keeps the CLFLUSH size', () => {
  assert.equal(shaped(intel, 2, 4).words(1)?.[1], 0x02040800);
  assert.equal(shaped(intel, 0, 1).words(1)?.[1], 0x00010800);
  assert.equal(((shaped(intel, 0, 1).words(1)?.[3] ?? 0) >>> 28) & 1, 0);
  assert.equal(((shaped(intel, 2, 4).words(1)?.[3] ?? 0) >>> 28) & 1, 1);
});

test('the bit changes: hypervisor, x2APIC and TSC deadline set; nesting, monitoring and SGX cleared; the rest as it was', () => {
  const { words } = shaped(intel, 0, 2);
  // Set before: all of it.
  assert.equal(words(1)?.[2], (ONES & ~((1 << 5) | (1 << 2) | (1 << 4) | (1 << 15) | (1 << 3))) >>> 0);
  assert.equal(words(1)?.[3], (ONES & ~(1 << 21)) >>> 0);
  assert.deepEqual(words(7), [
    1,
    (ONES & ~((1 << 2) | (1 << 25))) >>> 0,
    (ONES & ~(1 << 30)) >>> 0,
    (ONES & ~(1 << 19)) >>> 0,
  ]);
  assert.deepEqual(words(7, 1), [0x30, 0, 0, 0]);
  // Clear before.
  const bare = intel.map((entry) => (entry.function === 1 ? { ...entry, ecx: 0, edx: 0 } : entry));
  assert.equal(shaped(bare, 0, 1).words(1)?.[2], 0x81200000);
  assert.deepEqual(
    BIT_CHANGES.filter(({ on }) => on).map(({ leaf: number, register, bit }) => `${number} ${register} ${bit}`),
    ['1 ecx 31', '1 ecx 21', '1 ecx 24'],
  );
});

test('hidden leaves are gone', () => {
  const everything = HIDDEN_LEAVES.map((hidden) => leaf(hidden.leaf, [ONES, ONES, ONES, ONES]));
  const { words } = shaped(
    [...intel.filter(({ function: number }) => !HIDDEN_LEAVES.some((hidden) => hidden.leaf === number)), ...everything],
    0,
    1,
  );
  for (const hidden of HIDDEN_LEAVES) assert.equal(words(hidden.leaf), undefined, hidden.name);
});

test('leaf 6 tells of ARAT and of nothing else, even where the CPU has no leaf 6', () => {
  assert.deepEqual(shaped(intel, 0, 1).words(6), [4, 0, 0, 0]);
  assert.deepEqual(shaped(amd, 0, 1).words(6), [4, 0, 0, 0]);
});

test('the invariant TSC bit follows the choice of clock, whatever the host says', () => {
  assert.deepEqual(shaped(intel, 0, 1, true).words(0x80000007), [0, 0, 0, 0x100]);
  assert.deepEqual(shaped(intel, 0, 1, false).words(0x80000007), [0, 0, 0, 0]);
  assert.deepEqual(shaped(amd, 0, 1, true).words(0x80000007), [0, 0, 0, 0x100]);
});

test('leaves 0xB and 0x1F: one thread a core, one package', () => {
  const one = shaped(intel, 0, 1);
  assert.deepEqual(
    [one.words(0xb, 0), one.words(0xb, 1), one.words(0xb, 2)],
    [
      [0, 1, 0x100, 0],
      [0, 1, 0x201, 0],
      [0, 0, 2, 0],
    ],
  );
  const three = shaped(intel, 2, 3);
  assert.deepEqual(
    [three.words(0xb, 0), three.words(0xb, 1), three.words(0xb, 2)],
    [
      [0, 1, 0x100, 2],
      [2, 3, 0x201, 2],
      [0, 0, 2, 2],
    ],
  );
  const sixteen = shaped(intel, 15, 16);
  for (const number of [0xb, 0x1f]) {
    assert.deepEqual(
      [sixteen.words(number, 0), sixteen.words(number, 1), sixteen.words(number, 2)],
      [
        [0, 1, 0x100, 15],
        [4, 16, 0x201, 15],
        [0, 0, 2, 15],
      ],
    );
  }
});

test('leaf 0x1F stays away from a CPU that has none; leaf 0xB comes in any case', () => {
  assert.equal(shaped(amd, 0, 4).words(0x1f), undefined);
  assert.deepEqual(shaped(amd, 1, 4).words(0xb, 1), [2, 4, 0x201, 1]);
  const old = amd.map((entry) => (entry.function === 0 ? { ...entry, eax: 7 } : entry));
  assert.equal(shaped(old, 0, 4).words(0)?.[0], 0xb);
});

test('Intel leaf 4: the last level is shared by all, the others by nobody', () => {
  const four = shaped(intel, 0, 4);
  assert.equal(four.words(4, 0)?.[0], 0x0c000121);
  assert.equal(four.words(4, 1)?.[0], 0x0c000143);
  assert.equal(four.words(4, 2)?.[0], 0x0c00c163);
  assert.deepEqual(four.words(4, 2)?.slice(1), [0x02c0003f, 0x3fff, 6]);
  assert.deepEqual(four.words(4, 3), [0, 0, 0, 0]);
  assert.equal(shaped(intel, 0, 1).words(4, 2)?.[0], 0x00000163);
  assert.equal(shaped(intel, 63, 64).words(4, 2)?.[0], 0xfc0fc163);
});

test('AMD: core count, cache sharing and core ids in the extended leaves', () => {
  const { words } = shaped(amd, 3, 4);
  assert.equal(words(0x80000008)?.[2], 0x00002003);
  assert.equal(words(0x8000001d, 0)?.[0], 0x00000121);
  assert.equal(words(0x8000001d, 3)?.[0], 0x0000c163);
  assert.deepEqual(words(0x8000001d, 4), [0, 0, 0, 0]);
  assert.deepEqual(words(0x8000001e), [3, 3, 0, 0]);
  const cleared = (1 << 2) | (1 << 10) | (1 << 23) | (1 << 24) | (1 << 28);
  assert.equal(words(0x80000001)?.[2], (ONES & ~cleared) >>> 0);
  assert.equal((shaped(amd, 0, 1).words(0x80000001)?.[2] ?? 0) & 2, 0, 'CmpLegacy needs more than one core');
});

test('AMD without topology extensions gets no leaf 0x8000001E', () => {
  const without = amd
    .filter((entry) => entry.function !== 0x8000001e)
    .map((entry) => (entry.function === 0x80000001 ? { ...entry, ecx: 1 } : entry));
  assert.equal(shaped(without, 0, 2).words(0x8000001e), undefined);
});

test('impossible counts, and tables that KVM never returns, are refused', () => {
  assert.throws(() => shapeCpuid(intel, { vpIndex: 0, vpCount: 65, tscInvariant: true, lazyEoi: false }), RangeError);
  assert.throws(() => shapeCpuid(intel, { vpIndex: 0, vpCount: 0, tscInvariant: true, lazyEoi: false }), RangeError);
  assert.throws(() => shapeCpuid(intel, { vpIndex: 4, vpCount: 4, tscInvariant: true, lazyEoi: false }), RangeError);
  assert.throws(
    () => shapeCpuid(intel.slice(2), { vpIndex: 0, vpCount: 1, tscInvariant: true, lazyEoi: false }),
    RangeError,
  );
});
