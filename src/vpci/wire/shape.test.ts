import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Layout, u8 } from '../../vmbus/index.ts';
import { cells, fieldsOf, joinCells, withTail } from './shape.ts';

test('cells are views side by side, and what is behind them is left alone', () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7);
  const [first, second, ...more] = cells(bytes, 3, 2);
  assert.deepEqual([first, second, more], [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6), []]);
  bytes[3] = 9;
  assert.equal(second?.[0], 9);
});

test('cells that are not all there are refused; those that fit exactly are not', () => {
  assert.equal(cells(new Uint8Array(6), 3, 2).length, 2);
  assert.throws(() => cells(new Uint8Array(5), 3, 2), {
    name: 'RangeError',
    message: "2 cells of 3 bytes don't fit in 5 bytes",
  });
});

test('structures stand at the beginning of their cells; one that is too long is cut off', () => {
  assert.deepEqual(joinCells([Uint8Array.of(1, 2), Uint8Array.of(3)], 3), Uint8Array.of(1, 2, 0, 3, 0, 0));
  assert.deepEqual(joinCells([Uint8Array.of(1, 2, 3), Uint8Array.of(4)], 2), Uint8Array.of(1, 2, 4, 0));
});

test('a tail follows the fixed part', () => {
  assert.deepEqual(withTail(Uint8Array.of(1, 2), Uint8Array.of(3)), Uint8Array.of(1, 2, 3));
});

test('fields come in the order in which they stand, however the table is written', () => {
  const layout = new Layout('backwards', 'this test', 3, { c: u8(2, 'third'), a: u8(0, 'first'), b: u8(1, 'second') });
  assert.deepEqual(
    fieldsOf({ layout }).map(([name]) => name),
    ['a', 'b', 'c'],
  );
});
