import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Choices } from './choices.ts';
import { execute } from './execute.ts';
import { formatInput, parseInput } from './input.ts';
import { minimize } from './minimize.ts';
import { freshInput, mutated } from './mutate.ts';
import { Random } from './random.ts';
import type { Target } from './target.ts';

/** Breaks its rule when it has been given 7 and after that 9. */
const counting: Target = {
  name: 'counting',
  title: 'a target for these tests',
  setupBytes: 1,
  operationBytes: 4,
  mostOperations: 20,
  workLimit: 10,
  mostBetweenLooks: 100,
  begin: (_setup, probe) => {
    let sawSeven = false;
    return {
      operate: (choices) => {
        const value = choices.byte();
        probe.check(!(sawSeven && value === 9), 'nine after seven');
        sawSeven ||= value === 7;
        if (value === 200) probe.step(11);
        if (value === 201) {
          try {
            probe.fail('caught');
          } catch {
            // As a product that catches everything.
          }
        }
        if (value === 202) throw new TypeError('a bug');
      },
      finish: () => undefined,
    };
  },
};

const part = (...values: number[]): Uint8Array => Uint8Array.from(values);

test('an input survives being written down', () => {
  const input = [part(), part(1, 255), part(0)];
  assert.deepEqual(parseInput(formatInput(input)), input);
  assert.throws(() => parseInput('0g'), RangeError);
});

test('behind the end of an input every choice is the plainest', () => {
  const choices = new Choices(part());
  assert.deepEqual([choices.word(), choices.long(), choices.chance(255), choices.below(9)], [0, 0n, false, 0]);
  assert.equal(choices.pick(['a', 'b'] as const), 'a');
});

test('the same seed makes the same inputs, and none larger than its target takes', () => {
  const inputs = (): string[] => {
    const random = new Random(42);
    const made = [freshInput(counting, random)];
    for (let i = 0; i < 500; i += 1) {
      made.push(
        mutated(counting, made[random.below(made.length)] ?? [], made[random.below(made.length)] ?? [], random),
      );
    }
    for (const input of made) {
      assert.ok(input.length <= 1 + counting.mostOperations);
      assert.ok(input.slice(1).every(({ length }) => length <= counting.operationBytes));
    }
    return made.map(formatInput);
  };
  assert.deepEqual(inputs(), inputs());
});

test('a broken rule, one that the product hides, too much work and an error of its own are all findings', async () => {
  for (const [values, message] of [
    [[7, 9], /nine after seven/],
    [[201], /caught/],
    [[200], /more than 10 steps/],
    [[202], /a bug/],
  ] as const) {
    const { failure, executions } = await execute(counting, [part(), ...values.map((value) => part(value)), part(0)]);
    assert.match(failure?.message ?? '', message);
    assert.equal(executions, values.length);
  }
  assert.equal((await execute(counting, [part(), part(9), part(7)])).failure, undefined);
});

test('of an input that breaks a rule what is needed for that is left', async () => {
  const input = [part(5), part(1, 1, 1), part(7, 3), part(2), part(4), part(9, 9, 9), part(6)];
  const fails = async (candidate: readonly Uint8Array[]): Promise<boolean> =>
    (await execute(counting, candidate)).failure !== undefined;
  assert.equal(formatInput(await minimize(input, fails, 500)), '- 07 09');
});
