import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeGuestOs } from './guest-os.ts';

test('a guest is called by the name it gave', () => {
  for (const [id, name] of [
    [0x8100_0006_01c0_0000n, 'Linux 6.1.192'],
    [0x8100_0006_0c75_0000n, 'Linux 6.12.117'],
    [0x8200_000d_4e20_0000n, 'FreeBSD 13.78.32'],
    [0xff00_0001_0203_0000n, 'open source system 127 1.2.3'],
    [0x0001_040a_0000_4f7cn, 'Windows NT 10.0 build 20348'],
    [0x0001_0406_0101_1db1n, 'Windows NT 6.1 service pack 1 build 7601'],
    [0x0007_0901_0200_0003n, 'system 9 of vendor 7 1.2 build 3'],
  ] as const) {
    assert.deepEqual(decodeGuestOs(id), { id, name });
  }
});

test('zero is nobody', () => {
  assert.equal(decodeGuestOs(0n), undefined);
});
