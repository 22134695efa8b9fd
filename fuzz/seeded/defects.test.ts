import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DECODERS } from '../coverage/decoders.ts';
import { DEFECTS } from './defects.ts';
import { readSource, withDefect } from './seed-defect.ts';

test('each defect can still be put into the product', () => {
  for (const defect of DEFECTS) {
    assert.notEqual(withDefect(readSource(defect.file), defect), readSource(defect.file), defect.id);
  }
  assert.equal(new Set(DEFECTS.map(({ id }) => id)).size, DEFECTS.length);
});

test('a text that is not there any more, or there twice, is told, not passed over', () => {
  const [defect] = DEFECTS;
  assert.ok(defect !== undefined);
  assert.throws(() => withDefect('', defect), /stands there 0 times/);
  assert.throws(() => withDefect(`${defect.find} ${defect.find}`, defect), /stands there 2 times/);
});

test('every decoder has a seeded defect, for a target that drives it', () => {
  const without = Object.entries(DECODERS).filter(
    ([file, drivenBy]) => !DEFECTS.some((defect) => defect.file === file && drivenBy.includes(defect.target)),
  );
  assert.deepEqual(without, []);
});
