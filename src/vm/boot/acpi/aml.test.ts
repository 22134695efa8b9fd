import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Aml, buffer, device, eisaId, integer, named, packageOf, scope, string } from './aml.ts';

const hex = (aml: Aml): string => Buffer.from(aml).toString('hex');

test('integers in their shortest form', () => {
  assert.equal(hex(integer(0)), '00');
  assert.equal(hex(integer(1)), '01');
  assert.equal(hex(integer(2)), '0a02');
  assert.equal(hex(integer(0x100)), '0b0001');
  assert.equal(hex(integer(0x10000)), '0c00000100');
  assert.equal(hex(integer(0x1_0000_0000)), '0e0000000001000000');
  assert.equal(hex(integer(0xffffffffffffffffn)), '0effffffffffffffff');
  assert.throws(() => integer(-1), RangeError);
  assert.throws(() => integer(1n << 64n), RangeError);
});

test('names are padded, and checked', () => {
  assert.equal(hex(named('_S5', integer(0))), '085f53355f00');
  for (const bad of ['', 'TOOLONG', 'low', '5IVE']) assert.throws(() => named(bad, integer(0)), RangeError, bad);
});

test('plug-and-play ids', () => {
  assert.equal(hex(eisaId('PNP0501')), '0c41d00501');
  assert.equal(hex(eisaId('PNP0B00')), '0c41d00b00');
  assert.throws(() => eisaId('PNP050'), RangeError);
});

test('strings are ASCII', () => {
  assert.equal(hex(string('AB')), '0d414200');
  assert.throws(() => string('ä'), RangeError);
  assert.throws(() => string('a\0b'), RangeError);
});

test('a length of one, two and three bytes', () => {
  const zeros = (count: number): Aml => Array.from({ length: count }, () => 0);
  // A scope's content: 4 bytes of name, then the zeros; the length counts itself too.
  assert.equal(hex(scope('_SB', zeros(58))).slice(0, 4), '103f');
  assert.equal(hex(scope('_SB', zeros(59))).slice(0, 6), '104104');
  assert.equal(hex(scope('_SB', zeros(4089))).slice(0, 6), '104fff');
  assert.equal(hex(scope('_SB', zeros(4090))).slice(0, 8), '10810001');
});

test('packages, buffers, devices', () => {
  assert.equal(hex(packageOf([integer(5), integer(0)])), '1205020a0500');
  assert.equal(hex(buffer([0x79, 0])), '11050a027900');
  assert.equal(hex(device('COM1')), '5b8205434f4d31');
  assert.throws(() => packageOf(Array.from({ length: 256 }, () => integer(0))), RangeError);
});
