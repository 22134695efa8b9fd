import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EventLog, type VmbusLogEntry } from './event-log.ts';

test('a code is told in full at first, then at each doubling, and in full again when the host does something', () => {
  const entries: VmbusLogEntry[] = [];
  const log = new EventLog((entry) => entries.push(entry));
  for (let count = 0; count < 100; count += 1) log.log('warning', 'A', 'a');
  log.log('info', 'B', 'b');
  assert.deepEqual(
    entries.slice(8).map(({ text }) => text),
    ['a (time 16 of this kind)', 'a (time 32 of this kind)', 'a (time 64 of this kind)', 'b'],
  );
  log.renew();
  log.log('warning', 'A', 'again');
  assert.equal(entries.at(-1)?.text, 'again');
  assert.deepEqual(Object.fromEntries(log.counts), { A: 101, B: 1 });
});
