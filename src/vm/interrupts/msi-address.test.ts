import assert from 'node:assert/strict';
import { test } from 'node:test';
import { msiFor } from './msi-address.ts';

test('the APIC id goes in address bits 19:12, the vector into the data', () => {
  assert.deepEqual(msiFor({ vp: 0, vector: 0x20 }), { address: 0xfee0_0000n, data: 0x20 });
  assert.deepEqual(msiFor({ vp: 3, vector: 0xef }), { address: 0xfee0_3000n, data: 0xef });
  assert.deepEqual(msiFor({ vp: 255, vector: 0x31 }), { address: 0xfeef_f000n, data: 0x31 });
});

test('ids above 255 go on in bits 63:40', () => {
  assert.deepEqual(msiFor({ vp: 256, vector: 0x20 }), { address: 0x0000_0100_fee0_0000n, data: 0x20 });
  assert.deepEqual(msiFor({ vp: 0x123_4567, vector: 0x20 }), { address: 0x0123_4500_fee6_7000n, data: 0x20 });
});
