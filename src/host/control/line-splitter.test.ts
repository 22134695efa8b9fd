import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { LineSplitter } from './line-splitter.ts';

test('lines come out whole, however the bytes are cut', () => {
  const line = fc.string({ unit: 'binary', maxLength: 8 }).filter((text) => !text.includes('\n'));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), fc.array(fc.nat(6)), (lines, cuts) => {
      const splitter = new LineSplitter(64);
      let bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
      const found: string[] = [];
      for (const cut of [...cuts, Infinity]) {
        found.push(...(splitter.push(bytes.subarray(0, cut)) ?? assert.fail('no line is too long')));
        bytes = bytes.subarray(cut);
      }
      assert.deepEqual(found, lines);
    }),
  );
});

test('a line of the greatest length is one, a longer one is not, finished or not', () => {
  assert.deepEqual(new LineSplitter(3).push(Buffer.from('abc\nabc\n')), ['abc', 'abc']);
  assert.equal(new LineSplitter(3).push(Buffer.from('abcd\n')), undefined);
  assert.equal(new LineSplitter(3).push(Buffer.from('abcd')), undefined);
  const splitter = new LineSplitter(3);
  assert.deepEqual(splitter.push(Buffer.from('ab')), []);
  assert.equal(splitter.push(Buffer.from('cd')), undefined);
});
