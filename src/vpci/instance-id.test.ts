import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guidToWire } from '../vmbus/index.ts';
import { deviceIdOf, domainOf, instanceIdFor, serialOf } from './instance-id.ts';
import { hex } from './testing/bytes.ts';

test('the GUID a real guest was given, and what it made of it', () => {
  const id = instanceIdFor({ serial: 0x1234_5678, domain: 0x9bcd, data3: 0x1234, data4: hex('0102030405060708') });
  assert.deepEqual(guidToWire(id), hex('78563412 cd9b 3412 0102030405060708'));
  assert.equal(domainOf(id), 0x9bcd);
  assert.equal(serialOf(id), 0x1234_5678);
  assert.equal(deviceIdOf(id, 0), 0x9bcd_1230);
  assert.equal(deviceIdOf(id, 7), 0x9bcd_1237);
});

test('a domain that Linux would replace is refused', () => {
  for (const domain of [0, -1, 0x1_0000, 1.5]) assert.throws(() => instanceIdFor({ serial: 1, domain }), RangeError);
  assert.throws(() => instanceIdFor({ serial: 2 ** 32, domain: 1 }), RangeError);
  assert.throws(() => deviceIdOf(instanceIdFor({ serial: 1, domain: 1 }), 8), RangeError);
});
