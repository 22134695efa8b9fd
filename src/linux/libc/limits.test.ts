import assert from 'node:assert/strict';
import { test } from 'node:test';
import { raiseMemlock } from '../locked-memory.ts';
import { readLimit, Resource, userId, writeLimit } from './limits.ts';

test('limits are read and written', () => {
  const before = readLimit(Resource.openFiles);
  assert.equal(before.soft > 0 && before.soft <= before.hard, true);
  writeLimit(Resource.openFiles, { soft: before.soft - 1, hard: before.hard });
  assert.deepEqual(readLimit(Resource.openFiles), { soft: before.soft - 1, hard: before.hard });
  writeLimit(Resource.openFiles, before);
  assert.throws(() => writeLimit(Resource.openFiles, { soft: 10, hard: 5 }), { code: 'EINVAL' });
});

test('a limit on locked memory that is high enough stays', () => {
  const before = readLimit(Resource.lockedMemory);
  assert.deepEqual(raiseMemlock(4096), before);
  assert.deepEqual(readLimit(Resource.lockedMemory, process.pid), before);
});

test('the user is the one Node knows', () => {
  assert.equal(userId(), process.getuid?.());
});
