import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finish, finishInTurns, type Steps } from './steps.ts';

/** Counts to `count`, for `stepMs` each time. */
function* counting(count: number, stepMs: number): Steps<number> {
  let done = 0;
  for (; done < count; done++) {
    for (const since = performance.now(); performance.now() - since < stepMs; );
    yield;
  }
  return done;
}

test('all at once, or with others in between: the same comes out', async () => {
  assert.equal(finish(counting(1000, 0)), 1000);
  let turns = 0;
  const others = setInterval(() => turns++, 1);
  assert.equal(await finishInTurns(counting(20, 5)), 20);
  clearInterval(others);
  assert.ok(turns >= 10, `${turns} turns in between`);
});

test('what fails does so in either way', async () => {
  function* failing(): Steps<never> {
    yield;
    throw new Error('gone');
  }
  assert.throws(() => finish(failing()), /gone/);
  await assert.rejects(finishInTurns(failing()), /gone/);
});
