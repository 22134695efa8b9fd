import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import fc from 'fast-check';
import { ARCHITECTURE_X86_64, encodeInstructions, SeccompAction } from './bpf.ts';
import { type ArgumentCondition, compileFilter, FIRST_UNKNOWN, type FilterPolicy } from './compile-filter.ts';
import { SystemCall, type SystemCallName } from './system-call-numbers.ts';
import { runFilter } from '../testing/run-filter.ts';

const architecture = ARCHITECTURE_X86_64;
const names = Object.keys(SystemCall) as SystemCallName[];
const { allow, killProcess } = SeccompAction;
const EPERM = SeccompAction.refuse(constants.errno.EPERM);
const ENOSYS = SeccompAction.refuse(constants.errno.ENOSYS);

/** What a policy means, without any program. */
function decide({ allowed, refused, otherwise }: FilterPolicy, number: number, args: readonly number[]): number {
  const name = names.find((each) => SystemCall[each] === number);
  const rule = allowed.find(({ call }) => call === name);
  const holds = ({ argument, mask, is }: ArgumentCondition): boolean =>
    is.includes(((args[argument] ?? 0) & (mask ?? 0xffff_ffff)) >>> 0);
  if (rule !== undefined && (rule.when === undefined || rule.when.some((all) => all.every(holds)))) return allow;
  const errno = refused.find(({ call }) => call === name)?.errno;
  if (errno !== undefined) return SeccompAction.refuse(constants.errno[errno]);
  if (otherwise === 'allow') return allow;
  return number >= FIRST_UNKNOWN ? ENOSYS : SeccompAction.refuse(constants.errno[otherwise]);
}

const word = fc.nat({ max: 0xffff_ffff });
const small = fc.nat({ max: 7 });
const condition = fc
  .record({
    argument: fc.integer({ min: 0, max: 5 }),
    mask: fc.option(word, { nil: undefined }),
    is: fc.array(small, { minLength: 1, maxLength: 300 }),
  })
  .map(({ argument, mask, is }) => ({ argument, is, ...(mask === undefined ? {} : { mask }) }) as ArgumentCondition);
const call = fc.constantFrom(...names);
const policy: fc.Arbitrary<FilterPolicy> = fc.record({
  allowed: fc.uniqueArray(
    fc
      .record({
        call,
        when: fc.option(fc.array(fc.array(condition, { minLength: 1, maxLength: 3 }), { maxLength: 3 }), {
          nil: undefined,
        }),
      })
      .map(({ call: name, when }) => (when === undefined ? { call: name } : { call: name, when })),
    { selector: (each) => each.call, maxLength: 8 },
  ),
  refused: fc.uniqueArray(fc.record({ call, errno: fc.constantFrom('EACCES', 'ENOSYS', 'EIO') }), {
    selector: (each) => each.call,
    maxLength: 8,
  }) as fc.Arbitrary<FilterPolicy['refused']>,
  otherwise: fc.constantFrom('EPERM', 'allow'),
});

test('a program says of each call what its policy says', () => {
  fc.assert(
    fc.property(policy, fc.array(fc.oneof(small, word), { minLength: 6, maxLength: 6 }), (rules, args) => {
      const program = compileFilter(rules);
      const numbers = [...rules.allowed, ...rules.refused].map((each) => SystemCall[each.call]);
      for (const number of [...numbers, 0, FIRST_UNKNOWN - 1, FIRST_UNKNOWN, 0x4000_0000, 0xffff_ffff]) {
        assert.equal(runFilter(program, { number, architecture, args }), decide(rules, number, args), String(number));
      }
    }),
    { numRuns: 300 },
  );
});

const READ_ONLY: FilterPolicy = {
  allowed: [{ call: 'openat', when: [[{ argument: 2, mask: 3, is: [0] }]] }, { call: 'read' }],
  refused: [{ call: 'openat', errno: 'EACCES' }],
  otherwise: 'EPERM',
};

test('conditions look at the low half of an argument, which is what the kernel reads', () => {
  const program = compileFilter(READ_ONLY);
  const openat = (flags: number | bigint) =>
    runFilter(program, { number: SystemCall.openat, architecture, args: [0, 0, flags] });
  assert.equal(openat(0), allow);
  assert.equal(openat(0x1_0000_0000n), allow);
  assert.equal(openat(1), SeccompAction.refuse(constants.errno.EACCES));
  assert.equal(openat(0x1_0000_0001n), SeccompAction.refuse(constants.errno.EACCES));
});

test('calls of another architecture end the process, those of the x32 ABI and newer ones are not there', () => {
  const program = compileFilter(READ_ONLY);
  for (const other of [0x4000_0003, 0xc000_00b7, 0, 0xffff_ffff]) {
    assert.equal(runFilter(program, { number: SystemCall.read, architecture: other }), killProcess);
  }
  assert.equal(runFilter(program, { number: 0x4000_0000 | SystemCall.read, architecture }), ENOSYS);
  assert.equal(runFilter(program, { number: FIRST_UNKNOWN, architecture }), ENOSYS);
  assert.equal(runFilter(program, { number: SystemCall.write, architecture }), EPERM);
});

test('instructions are eight bytes each, as the kernel reads them', () => {
  const bytes = encodeInstructions([{ code: 0x15, jt: 1, jf: 2, k: 0xc000_003e }]);
  assert.deepEqual([...bytes], [0x15, 0, 1, 2, 0x3e, 0, 0, 0xc0]);
});

test('a program that is too long is refused', () => {
  const is = Array.from({ length: 3000 }, (_, index) => index);
  assert.throws(
    () =>
      compileFilter({ allowed: [{ call: 'ioctl', when: [[{ argument: 1, is }]] }], refused: [], otherwise: 'EPERM' }),
    /at most 4096/,
  );
});
