import assert from 'node:assert/strict';
import { test } from 'node:test';
import { branchesOf } from './branches.ts';

test('both ways of each place where a program can go two', () => {
  const source = `function f(a: number, b: number) {
    if (a > 1) return 1;
    if (b > 1) { a = 2; } else { a = 3; }
    switch (a) { case 1: return 4; default: return a === 2 || b === 3 ? 5 : 6; }
  }`;
  assert.deepEqual(
    branchesOf(source).map(({ what }) => what),
    ['if', 'if not', 'if', 'else', 'case 1', 'default', '?', ':', '||', 'not ||'],
  );
});

test('left out are stand-ins for the compiler, errors that are thrown on, and what is named', () => {
  const source = `function f(bytes: number[]) {
    try { g(bytes[0] ?? 0); } catch (error) { if (error instanceof RangeError) throw error; }
    try { g(1); } catch (error) { if (error instanceof TypeError) return; throw error; }
  }
  function g(a: number) { return a > 1 ? 1 : 2; }`;
  assert.deepEqual(
    branchesOf(source, ['g']).map(({ what }) => what),
    ['if not', 'if'],
  );
});
