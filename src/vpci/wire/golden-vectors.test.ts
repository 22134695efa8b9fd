import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '../testing/bytes.ts';
import { linuxResourcesAssigned } from '../testing/linux-style-guest.ts';
import { decodeGuestMessage, type GuestMessage } from './decode-guest.ts';
import { describePacket } from './describe.ts';
import { encodeCreateInterrupt, encodeDeleteInterrupt, encodeRequest } from './encode-guest.ts';
import { VpciVersion } from './version.ts';

const { V1_1, V1_2, V1_4 } = VpciVersion;
const NO_BARS = [undefined, undefined, undefined, undefined, undefined, undefined];
const ALL_VPS = Array.from({ length: 64 }, (_, vp) => vp);
const TO_VP_1 = { vector: 0x21, vectorCount: 1, deliveryMode: 'fixed', vps: [1] } as const;

interface Golden {
  readonly name: string;
  readonly version: VpciVersion;
  /** As it stood on the ring: padded to 8 bytes. */
  readonly onTheRing: Uint8Array;
  readonly decoded: GuestMessage;
  readonly encoded: Uint8Array;
  readonly described: string;
}

/** Payloads that an unmodified Linux 6.1.192 sent. */
const GOLDEN: readonly Golden[] = [
  {
    name: 'QUERY_PROTOCOL_VERSION 1.4',
    version: V1_1,
    onTheRing: hex('13004942 04000100'),
    decoded: { kind: 'query-protocol-version', version: V1_4 },
    encoded: encodeRequest('QUERY_PROTOCOL_VERSION', { version: V1_4 }),
    described: 'QUERY_PROTOCOL_VERSION version=1.4',
  },
  {
    name: 'QUERY_BUS_RELATIONS',
    version: V1_4,
    onTheRing: hex('01004942 00000000'),
    decoded: { kind: 'query-bus-relations' },
    encoded: encodeRequest('QUERY_BUS_RELATIONS', {}),
    described: 'QUERY_BUS_RELATIONS',
  },
  {
    name: 'QUERY_RESOURCE_REQUIREMENTS',
    version: V1_4,
    onTheRing: hex('05004942 00000000'),
    decoded: { kind: 'query-requirements', slot: 0 },
    encoded: encodeRequest('QUERY_RESOURCE_REQUIREMENTS', { slot: 0 }),
    described: 'QUERY_RESOURCE_REQUIREMENTS slot=00.0',
  },
  {
    name: 'BUS_D0ENTRY',
    version: V1_4,
    onTheRing: hex('07004942 00000000 000000e0 00000000'),
    decoded: { kind: 'd0-entry', windowGpa: 0xe000_0000n },
    encoded: encodeRequest('BUS_D0ENTRY', { windowGpa: 0xe000_0000n }),
    described: 'BUS_D0ENTRY windowGpa=0xe0000000',
  },
  {
    name: 'RESOURCES_ASSIGNED2 of Linux',
    version: V1_4,
    onTheRing: hex('16004942 00000000', 208),
    decoded: { kind: 'resources-assigned', slot: 0, resources: NO_BARS, interrupts: [], tokenCells: 'v2' },
    encoded: linuxResourcesAssigned(V1_4, 0),
    described: 'RESOURCES_ASSIGNED2 slot=00.0 descriptorCount=0',
  },
  {
    name: 'RESOURCES_ASSIGNED of Linux',
    version: V1_1,
    onTheRing: hex('10004942 00000000', 152),
    decoded: { kind: 'resources-assigned', slot: 0, resources: NO_BARS, interrupts: [], tokenCells: 'v1' },
    encoded: linuxResourcesAssigned(V1_1, 0),
    described: 'RESOURCES_ASSIGNED slot=00.0 descriptorCount=0',
  },
  {
    name: 'CREATE_INTERRUPT3',
    version: V1_4,
    onTheRing: hex('1b004942 00000000 21000000 00000100 01000100', 88),
    decoded: { kind: 'create-interrupt', slot: 0, request: TO_VP_1 },
    encoded: encodeCreateInterrupt(V1_4, 0, TO_VP_1),
    described: 'CREATE_INTERRUPT3 slot=00.0 interrupt=[{vector=0x21 deliveryMode=0 vectorCount=1 vpCount=1 vps=[1]}]',
  },
  {
    name: 'CREATE_INTERRUPT2',
    version: V1_2,
    onTheRing: hex('17004942 00000000 21000100 01000100', 80),
    decoded: { kind: 'create-interrupt', slot: 0, request: TO_VP_1 },
    encoded: encodeCreateInterrupt(V1_2, 0, TO_VP_1),
    described: 'CREATE_INTERRUPT2 slot=00.0 interrupt=[{vector=0x21 deliveryMode=0 vectorCount=1 vpCount=1 vps=[1]}]',
  },
  {
    name: 'CREATE_INTERRUPT, any VP',
    version: V1_1,
    onTheRing: hex('14004942 00000000 21000100 00000000 ffffffffffffffff'),
    decoded: { kind: 'create-interrupt', slot: 0, request: { ...TO_VP_1, vps: ALL_VPS } },
    encoded: encodeCreateInterrupt(V1_1, 0, { ...TO_VP_1, vps: ALL_VPS }),
    described:
      'CREATE_INTERRUPT slot=00.0 interrupt=[{vector=0x21 deliveryMode=0 vectorCount=1 vpMask=0xffffffffffffffff}]',
  },
  {
    name: 'DELETE_INTERRUPT',
    version: V1_4,
    onTheRing: hex('15004942 00000000 00000100 60000000 0000e0fe 00000000'),
    decoded: { kind: 'delete-interrupt', slot: 0, address: 0xfee0_0000n, data: 0x60 },
    encoded: encodeDeleteInterrupt(0, { address: 0xfee0_0000n, data: 0x60, vectorCount: 1 }),
    described: 'DELETE_INTERRUPT slot=00.0 interrupt=[{vectorCount=1 data=0x60 address=0xfee00000}]',
  },
  {
    name: 'EJECTION_COMPLETE',
    version: V1_4,
    onTheRing: hex('0f004942 00000000 00000000 00000000'),
    decoded: { kind: 'ejection-complete', slot: 0, status: 0 },
    encoded: hex('0f004942 00000000 00000000'),
    described: 'EJECTION_COMPLETE slot=00.0',
  },
];

for (const { name, version, onTheRing, decoded, encoded, described } of GOLDEN) {
  test(`a real guest's ${name} decodes, encodes and prints`, () => {
    assert.deepEqual(decodeGuestMessage(onTheRing, version), decoded);
    assert.deepEqual(hex(Buffer.from(encoded).toString('hex'), Math.ceil(encoded.byteLength / 8) * 8), onTheRing);
    assert.equal(describePacket(onTheRing, 'guest-to-host'), described);
  });
}

test("a real guest's messages are read from anywhere in a larger buffer", () => {
  for (const { version, onTheRing, decoded } of GOLDEN) {
    const buffer = new Uint8Array(onTheRing.byteLength + 24);
    buffer.set(onTheRing, 16);
    assert.deepEqual(decodeGuestMessage(buffer.subarray(16, 16 + onTheRing.byteLength), version), decoded);
  }
});
