import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatVersion, knownVersion, parseVersion, VpciVersion } from './version.ts';

test('a version is known by its number and by its text', () => {
  for (const version of Object.values(VpciVersion)) {
    assert.equal(knownVersion(version), version);
    assert.equal(parseVersion(formatVersion(version)), version);
  }
  assert.equal(formatVersion(VpciVersion.V1_4), '1.4');
  assert.equal(parseVersion('1.2'), 0x0001_0002);
});

test('others are not known, but have a text', () => {
  for (const number of [0, 0x0001_0000, 0x0001_0005, 0x0002_0001]) assert.equal(knownVersion(number), undefined);
  for (const text of ['', '1', '1.5', '1.40', '2.1', ' 1.1']) assert.equal(parseVersion(text), undefined, text);
  assert.equal(formatVersion(0xffff_0006), '65535.6');
});
