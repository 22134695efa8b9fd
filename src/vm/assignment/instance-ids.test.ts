import assert from 'node:assert/strict';
import { test } from 'node:test';
import { domainOf, serialOf } from '../../vpci/index.ts';
import { InstanceIds } from './instance-ids.ts';

test('each assignment has a domain of its own, from 1 on; a free one is used again', () => {
  const ids = new InstanceIds();
  const [first, second, third] = [ids.take(10), ids.take(11), ids.take(12)];
  assert.deepEqual([first, second, third].map(domainOf), [1, 2, 3]);
  assert.deepEqual([first, second, third].map(serialOf), [10, 11, 12]);
  ids.giveBack(second);
  assert.deepEqual([ids.take(13), ids.take(14)].map(domainOf), [2, 4]);
});

test('the same domain and serial again is another instance all the same', () => {
  const ids = new InstanceIds();
  const seen = new Set<string>();
  for (let i = 0; i < 100; i++) {
    const id = ids.take(1);
    seen.add(id);
    ids.giveBack(id);
  }
  assert.equal(seen.size, 100);
});

test('a serial that is none takes no domain', () => {
  const ids = new InstanceIds();
  for (const serial of [-1, 0.5, 2 ** 32, Number.NaN]) assert.throws(() => ids.take(serial), RangeError);
  assert.equal(domainOf(ids.take(0xffff_ffff)), 1);
});
