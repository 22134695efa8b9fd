import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '../testing/bytes.ts';
import {
  encodeAssigned,
  encodeCurrentResources,
  encodeInterruptReply,
  encodeRequirements,
  encodeVersionReply,
} from './encode-host.ts';
import { formatStatus, isFailure, NtStatus } from './status.ts';
import { VpciVersion } from './version.ts';

const BARS = [{ address: 0x10_0000_4000n, lengthBytes: 0x4000n }, ...Array<undefined>(5).fill(undefined)];
const BARS_ON_THE_WIRE = hex('03 00 0000 0040000010000000 00400000', 120);
const TOKEN = { address: 0xfee0_0010n, data: 0x60, count: 4 };
const TOKEN_ON_THE_WIRE = '0000 0400 60000000 1000e0fe00000000';

/** Hexadecimal text of a cell of `sizeBytes`. */
const cell = (text: string, sizeBytes: number): string => Buffer.from(hex(text, sizeBytes)).toString('hex');

for (const [tokenCells, sizeBytes] of [
  ['v1', 16],
  ['v2', 72],
] as const) {
  test(`assigned resources with tokens, cells of ${tokenCells}: one for each descriptor, also for one that asked for nothing`, () => {
    const reply = encodeAssigned(0x21, BARS, [TOKEN, undefined, TOKEN], tokenCells);
    const fixed = `00000000 21000000 ${Buffer.from(BARS_ON_THE_WIRE).toString('hex')} 03000000 00000000`;
    const cells = [TOKEN_ON_THE_WIRE, '', TOKEN_ON_THE_WIRE].map((text) => cell(text, sizeBytes));
    assert.deepEqual(reply, hex(`${fixed}${cells.join('')}`));
  });
}

test('the other answers, byte for byte', () => {
  assert.deepEqual(encodeVersionReply(NtStatus.REVISION_MISMATCH, VpciVersion.V1_4), hex('590000c0 04000100'));
  assert.deepEqual(encodeInterruptReply(TOKEN), hex(`00000000 00000000 ${TOKEN_ON_THE_WIRE}`));
  assert.deepEqual(
    encodeRequirements([0xffff_c004, 0xffff_ffff, 0, 0, 0, 0xffff_f000]),
    hex('00000000 04c0ffff ffffffff 00000000 00000000 00000000 00f0ffff'),
  );
  const current = encodeCurrentResources(BARS);
  assert.deepEqual(current.subarray(0, 8), hex('0100 0100 06000000'));
  assert.deepEqual(current.subarray(8), BARS_ON_THE_WIRE);
});

test('a status is a failure when its top bit is set, and is named when it is one of ours', () => {
  assert.equal(formatStatus(NtStatus.SUCCESS), '0x0 SUCCESS');
  assert.equal(formatStatus(0xc000_000d), '0xc000000d INVALID_PARAMETER');
  assert.equal(formatStatus(0xc000_0001), '0xc0000001');
  for (const [status, failed] of [
    [0, false],
    [0x7fff_ffff, false],
    [0x8000_0000, true],
    [0xffff_ffff, true],
  ] as const) {
    assert.equal(isFailure(status), failed);
  }
});
