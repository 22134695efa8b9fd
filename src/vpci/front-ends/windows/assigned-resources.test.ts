import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '../../testing/bytes.ts';
import { decodeGuestMessage } from '../../wire/decode-guest.ts';
import { encodeAssigned, encodeCurrentResources, encodeStatus } from '../../wire/encode-host.ts';
import { VpciVersion } from '../../wire/version.ts';
import { decodeAssignment, decodeCurrentResources, encodeAssignment } from './assigned-resources.ts';
import { WindowsVersion } from './windows-version.ts';

const { V1_1, V1_2, V1_3, V1_4 } = VpciVersion;
const NONE = undefined;
const RESOURCES = {
  bars: [
    { index: 2, gpa: 0xe000_0000, sizeBytes: 0x1000 },
    { index: 0, gpa: 0x10_0000_0000, sizeBytes: 0x4000 },
  ],
  messages: [
    { vector: 0x30, vp: 0 },
    { vector: 0x41, vp: 3 },
  ],
};
const BARS = [
  { address: 0x10_0000_0000n, lengthBytes: 0x4000n },
  NONE,
  { address: 0xe000_0000n, lengthBytes: 0x1000n },
  NONE,
  NONE,
  NONE,
];

for (const [version, messageType] of [
  [V1_1, 0x10],
  [V1_2, 0x16],
  [V1_3, 0x16],
  [V1_4, 0x1a],
  [WindowsVersion.DYNAMIC_INTERRUPTS, 0x1a],
] as const) {
  test(`version 0x${version.toString(16)}: the form that a Windows guest uses, all of it filled in`, () => {
    const message = encodeAssignment(version, 0x21, RESOURCES);
    assert.equal(message[0], messageType);
    const decoded = decodeGuestMessage(message, V1_4);
    assert.ok(decoded.kind === 'resources-assigned');
    assert.equal(decoded.slot, 0x21);
    assert.deepEqual(decoded.resources, BARS);
    assert.deepEqual(decoded.interrupts, [
      { vector: 0x30, vectorCount: 1, deliveryMode: 'fixed', vps: [0] },
      { vector: 0x41, vectorCount: 1, deliveryMode: 'fixed', vps: [3] },
    ]);
  });

  test(`version 0x${version.toString(16)}: a token for each message comes back`, () => {
    const tokens = [
      { address: 0xfee9_bcd0n, data: 1, count: 1 },
      { address: 0xfee9_bcd0n, data: 2, count: 1 },
    ];
    const reply = encodeAssigned(0x21, BARS, tokens, version === V1_1 ? 'v1' : 'v2');
    const pairs = tokens.map(({ address, data }) => ({ address, data }));
    assert.deepEqual(decodeAssignment(version, reply, 2), pairs);
    assert.equal(decodeAssignment(version, reply, 1), '2 tokens in room for 2, for 1 messages');
    assert.equal(decodeAssignment(version, reply, 3), '2 tokens in room for 2, for 3 messages');
    const short = reply.subarray(0, reply.byteLength - 8);
    assert.equal(decodeAssignment(version, short, 2), '2 tokens in room for 1, for 2 messages');
  });
}

test('an assignment that gets no more than a status has no tokens', () => {
  assert.equal(decodeAssignment(V1_4, encodeStatus(0), 0), 'an answer of 4 bytes, too short for resources');
  assert.deepEqual(decodeAssignment(V1_4, encodeAssigned(0, BARS, [], 'v2'), 0), []);
});

test('where the host says that the BARs are', () => {
  assert.deepEqual(decodeCurrentResources(encodeCurrentResources(BARS)), [
    { index: 0, gpa: 0x10_0000_0000, sizeBytes: 0x4000 },
    { index: 2, gpa: 0xe000_0000, sizeBytes: 0x1000 },
  ]);
  assert.deepEqual(decodeCurrentResources(encodeCurrentResources(BARS.map(() => NONE))), []);
  assert.equal(
    decodeCurrentResources(encodeCurrentResources(BARS).subarray(0, 127)),
    'an answer of 127 bytes, too short for a resource list',
  );
  const noMemory = encodeCurrentResources(BARS);
  noMemory.set(hex('01'), 8);
  assert.equal(decodeCurrentResources(noMemory), 'resource 0 has type 1, which is no memory');
});
