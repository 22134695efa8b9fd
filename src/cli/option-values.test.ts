import assert from 'node:assert/strict';
import test from 'node:test';
import { parseCount, parseDuration, parseSize } from './option-values.ts';

const refusal = { code: 'commander.invalidArgument' };

test('sizes', () => {
  assert.equal(parseSize('512M'), 512 * 2 ** 20);
  assert.equal(parseSize('2G'), 2 ** 31);
  assert.equal(parseSize('2GiB'), 2 ** 31);
  assert.equal(parseSize('1tb'), 2 ** 40);
  for (const text of ['', '2', '2X', '0G', '-1G', '1.5G', '2 G', '999999999T'])
    assert.throws(() => parseSize(text), refusal, text);
});

test('durations', () => {
  assert.equal(parseDuration('500ms'), 500);
  assert.equal(parseDuration('60s'), 60_000);
  assert.equal(parseDuration('1.5m'), 90_000);
  assert.equal(parseDuration('0s'), 0);
  for (const text of ['', '60', '-1s', '25h', '1d', 's']) assert.throws(() => parseDuration(text), refusal, text);
});

test('counts', () => {
  const cpus = parseCount(1, 16);
  assert.deepEqual([cpus('1'), cpus('16')], [1, 16]);
  for (const text of ['0', '17', '1.5', 'two', '']) assert.throws(() => cpus(text), refusal, text);
});
