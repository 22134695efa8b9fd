import assert from 'node:assert/strict';
import test from 'node:test';
import { acsIsolation, decodeAcsCapability } from './acs-capability.ts';
import { writeU16, writeU32 } from './config-bytes.ts';

function withAcs(sizeBytes: number, at = 0x148): Uint8Array {
  const config = new Uint8Array(4096);
  writeU32(config, 0x100, (at << 20) | 0x1_0001);
  writeU32(config, at, 0x1_000d);
  writeU16(config, at + 4, 0x5f);
  writeU16(config, at + 6, 0x1d);
  return config.slice(0, sizeBytes);
}

test('what a root port can do, and what is turned on', () => {
  assert.deepEqual(decodeAcsCapability(withAcs(4096)), { supported: 0x5f, enabled: 0x1d });
  assert.equal(acsIsolation, 0x1d);
});

test('without the capability, or with too little read, there is none', () => {
  assert.equal(decodeAcsCapability(new Uint8Array(4096)), undefined);
  assert.equal(decodeAcsCapability(withAcs(256)), undefined);
  assert.equal(decodeAcsCapability(withAcs(4096, 0xffc)), undefined);
});
