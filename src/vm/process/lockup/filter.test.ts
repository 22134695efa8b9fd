import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { SystemCall, type SystemCallName } from '../../../linux/index.ts';
import { ARCHITECTURE_X86_64, runFilter, SeccompAction } from '../../../linux/testing/index.ts';
import { filterFor } from './filter.ts';
import { ioctlTable } from './ioctl-table.ts';
import type { Phase } from './phase.ts';
import { OWN_PROCESS, refusals, type SystemCallRow, systemCallTable } from './system-call-table.ts';

const OWN = 4711;
const architecture = ARCHITECTURE_X86_64;
const numbers = new Map<number, SystemCallName>(
  (Object.keys(SystemCall) as SystemCallName[]).map((name) => [SystemCall[name], name]),
);
const HIGHEST = 600;
const WANT_A_FLAG: ReadonlySet<string> = new Set(['newfstatat', 'statx']);
const LOCKED = ['start', 'guest'] as const;

const answer = (phase: Phase, number: number, args: readonly (number | bigint)[] = [], arch = architecture): number =>
  runFilter(filterFor(phase, OWN), { number, architecture: arch, args });
const refusal = (name: keyof typeof constants.errno): number => SeccompAction.refuse(constants.errno[name]);

function errnoOf(name: SystemCallName | undefined): number {
  if (name === undefined) return refusal('EPERM');
  return refusal(refusals.find(({ calls }) => calls.includes(name))?.errno ?? 'EPERM');
}

/** Rows of the table that hold for a call in a phase. */
function rowsOf(phase: Phase, name: SystemCallName): SystemCallRow[] {
  return systemCallTable.filter(
    ({ calls, until }) => calls.includes(name) && (phase === 'start' || until === 'always'),
  );
}

/** Arguments that fulfil all conditions of a row. */
function fulfilling({ when = [] }: SystemCallRow): bigint[] {
  const args = Array.from({ length: 6 }, () => 0n);
  for (const { argument, is } of when) args[argument] = BigInt(is[0] === OWN_PROCESS ? OWN : (is[0] ?? 0));
  return args;
}

for (const phase of LOCKED) {
  test(`${phase}: of all numbers, with and without fitting arguments, the filter allows what the table does`, () => {
    for (let number = 0; number <= HIGHEST; number++) {
      const name = numbers.get(number);
      if (name === 'ioctl') continue;
      const rows = name === undefined ? [] : rowsOf(phase, name);
      if (rows.length === 0) {
        const expected = number > Math.max(...numbers.keys()) ? refusal('ENOSYS') : errnoOf(name);
        assert.equal(answer(phase, number), expected, name ?? String(number));
        continue;
      }
      for (const row of rows) {
        assert.equal(answer(phase, number, fulfilling(row)), SeccompAction.allow, `${name}, ${row.why}`);
      }
      if (rows.some(({ when }) => when === undefined)) continue;
      // No bits at all for those that ask for one, all bits for those that ask for none.
      const nonsense = Array.from({ length: 6 }, () => (WANT_A_FLAG.has(name ?? '') ? 0 : 0xffff_ffff));
      assert.equal(answer(phase, number, nonsense), errnoOf(name), `${name} with nonsense`);
    }
  });

  test(`${phase}: of all ioctls of the kinds that it makes, and of single bits changed in them, those of the table`, () => {
    const wanted = new Set(
      ioctlTable.filter(({ until }) => phase === 'start' || until === 'always').map(({ ioctl }) => ioctl.number),
    );
    const asked = new Set<number>([0x5412, 0x1277, 0]);
    for (const { ioctl } of ioctlTable) {
      for (let low = 0; low < 256; low++) asked.add(((ioctl.number & ~0xff) | low) >>> 0);
      for (let bit = 0; bit < 32; bit++) asked.add((ioctl.number ^ (1 << bit)) >>> 0);
    }
    for (const number of asked) {
      const expected = wanted.has(number) ? SeccompAction.allow : refusal('EPERM');
      assert.equal(answer(phase, SystemCall.ioctl, [3, number]), expected, `0x${number.toString(16)}`);
      // The kernel reads 32 bits of it, whatever lies above.
      assert.equal(answer(phase, SystemCall.ioctl, [3, 0xae80_0000_0000n | BigInt(number)]), expected);
    }
  });

  test(`${phase}: neither another architecture's calls nor the x32 ABI's come through`, () => {
    for (let number = 0; number <= HIGHEST; number++) {
      assert.equal(answer(phase, number, [], 0x4000_0003), SeccompAction.killProcess);
      assert.equal(answer(phase, 0x4000_0000 + number), refusal('ENOSYS'));
    }
    assert.equal(answer(phase, 0xffff_ffff), refusal('ENOSYS'));
  });
}

test('the filter of the guest only narrows that of the start', () => {
  for (const row of systemCallTable.filter(({ until }) => until === 'always')) {
    for (const call of row.calls) {
      assert.equal(answer('start', SystemCall[call], fulfilling(row)), SeccompAction.allow, call);
    }
  }
});

test('signals reach this process alone, threads are threads, and nothing is executable that is a file', () => {
  assert.equal(answer('guest', SystemCall.tgkill, [OWN, 1, 9]), SeccompAction.allow);
  assert.equal(answer('guest', SystemCall.tgkill, [OWN + 1, 1, 9]), refusal('EPERM'));
  for (let bit = 0; bit < 32; bit++) {
    assert.equal(answer('guest', SystemCall.clone, [0x3d_0f00 ^ (1 << bit)]), refusal('EPERM'), `clone, bit ${bit}`);
  }
  const [read, execute, isPrivate, isShared, anonymous] = [1, 4, 2, 1, 0x20];
  const map = (protection: number, flags: number): number =>
    answer('guest', SystemCall.mmap, [0, 0, protection, flags]);
  assert.equal(map(read | execute, isPrivate | anonymous), SeccompAction.allow);
  assert.equal(map(read | execute, isPrivate), refusal('EPERM'));
  assert.equal(map(read | execute, isShared), refusal('EPERM'));
  assert.equal(map(read, isShared | anonymous), refusal('EPERM'));
  assert.equal(map(read, isShared), SeccompAction.allow);
});

test('files are opened for reading while it starts, and not at all afterwards', () => {
  const flags = { read: 0, write: 1, readWrite: 2, create: 0o100, truncate: 0o1000, append: 0o2000 };
  assert.equal(answer('start', SystemCall.openat, [-100, 0, flags.read | 0o2000000]), SeccompAction.allow);
  for (const flag of [flags.write, flags.readWrite, flags.create, flags.truncate, flags.append]) {
    assert.equal(answer('start', SystemCall.openat, [-100, 0, flag]), refusal('EACCES'));
  }
  assert.equal(answer('guest', SystemCall.openat, [-100, 0, flags.read]), refusal('EACCES'));
});

test('before its program is executed, rings are refused and all else is allowed', () => {
  assert.equal(answer('exec', SystemCall.io_uring_setup), refusal('ENOSYS'));
  assert.equal(answer('exec', SystemCall.execve), SeccompAction.allow);
  assert.equal(answer('exec', SystemCall.mount), SeccompAction.allow);
  assert.equal(answer('exec', SystemCall.read, [], 0x4000_0003), SeccompAction.killProcess);
});
