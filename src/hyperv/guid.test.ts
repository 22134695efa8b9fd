import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { guidFields, guidFromFields, guidFromWire, guidToWire, parseGuid, ZERO_GUID } from './guid.ts';
import { hex } from './testing/partition-bench.ts';

const VPCI = '44c4f61d-4444-4400-9d52-802e27ede19f';

test('text and wire order of the vPCI interface', () => {
  const wire = hex('1DF6C444 4444 0044 9D52802E27EDE19F');
  assert.equal(guidFromWire(wire), VPCI);
  assert.deepEqual(guidToWire(parseGuid(VPCI)), wire);
});

test('braces and capitals are one spelling of the same GUID', () => {
  assert.equal(parseGuid('{44C4F61D-4444-4400-9D52-802E27EDE19F}'), VPCI);
});

test('what is no GUID is refused', () => {
  for (const text of ['', VPCI.slice(1), `{${VPCI}`, VPCI.replace('f', 'g'), `${VPCI}0`]) {
    assert.throws(() => parseGuid(text), RangeError, text);
  }
  assert.throws(() => guidFromWire(new Uint8Array(15)), RangeError);
  assert.throws(() => guidFromFields({ data1: 0, data2: 0, data3: 0, data4: new Uint8Array(7) }), RangeError);
});

test('fields are numbers', () => {
  const fields = guidFields(parseGuid(VPCI));
  assert.deepEqual(fields, { data1: 0x44c4f61d, data2: 0x4444, data3: 0x4400, data4: hex('9D52802E27EDE19F') });
  assert.equal(guidFromFields({ data1: 0, data2: 0, data3: 0, data4: new Uint8Array(8) }), ZERO_GUID);
});

test('every 16 bytes are a GUID, and come back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (wire) => {
      const guid = guidFromWire(wire);
      assert.deepEqual(guidToWire(guid), wire);
      assert.equal(guidFromFields(guidFields(guid)), guid);
      assert.equal(parseGuid(guid.toUpperCase()), guid);
    }),
  );
});
