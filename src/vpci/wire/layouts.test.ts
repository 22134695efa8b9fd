import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { describePacket } from './describe.ts';
import { decodeHostMessage } from './decode-host.ts';
import { encodeBusRelations, encodeEject } from './encode-host.ts';
import { GUEST_MESSAGES, guestMessageName } from './guest-messages.ts';
import { HOST_MESSAGES, hostMessageName } from './host-messages.ts';
import { REPLIES } from './replies.ts';
import { fieldsOf, type MessageShape, type Shape } from './shape.ts';
import { CELLS } from './structures.ts';
import { VpciVersion } from './version.ts';

const MESSAGES: readonly (readonly [string, MessageShape])[] = [
  ...Object.entries(GUEST_MESSAGES),
  ...Object.entries(HOST_MESSAGES),
  ...Object.entries(REPLIES),
];
const SHAPES: readonly (readonly [string, Shape])[] = [
  ...MESSAGES,
  ...Object.entries(CELLS).map(([name, cell]) => [name, cell.shape] as const),
];

test('fields stand inside their layout, in order, and do not overlap', () => {
  for (const [name, shape] of SHAPES) {
    let end = 0;
    for (const [field, { offset, sizeBytes, meaning }] of fieldsOf(shape)) {
      assert.ok(offset >= end, `${name}.${field} begins inside its forerunner`);
      assert.notEqual(meaning, '', `${name}.${field} says what it means`);
      end = offset + sizeBytes;
    }
    assert.ok(end <= shape.layout.sizeBytes, `${name} is shorter than its fields`);
  }
});

test('parts name byte fields that hold a whole number of their cells', () => {
  for (const [name, { layout, parts = {} }] of SHAPES) {
    for (const [field, part] of Object.entries(parts)) {
      const { type, sizeBytes } = layout.fields[field] ?? {};
      assert.equal(type, 'bytes', `${name}.${field}`);
      assert.equal((sizeBytes ?? 0) % part.cellBytes, 0, `${name}.${field}`);
      assert.ok(part.cellBytes >= part.shape.layout.sizeBytes, `${name}.${field}`);
    }
  }
});

test('tails are counted by a field that exists', () => {
  for (const [name, { layout, tail }] of MESSAGES) {
    if (tail === undefined) continue;
    assert.equal(layout.fields[tail.countField]?.type, 'u32', name);
    assert.ok(tail.cellBytes >= tail.shape.layout.sizeBytes, name);
  }
});

test('messages are found by their type, and no two have the same', () => {
  for (const [name, { messageType }] of Object.entries(GUEST_MESSAGES))
    assert.equal(guestMessageName(messageType), name);
  for (const [name, { messageType }] of Object.entries(HOST_MESSAGES)) assert.equal(hostMessageName(messageType), name);
  const types = [...Object.values(GUEST_MESSAGES), ...Object.values(HOST_MESSAGES)].map(
    ({ messageType }) => messageType,
  );
  assert.equal(new Set(types).size, types.length);
});

const plain = { noNullPrototype: true } as const;
const description = fc.record(
  {
    identity: fc.record(
      {
        vendorId: fc.nat(0xffff),
        deviceId: fc.nat(0xffff),
        revisionId: fc.nat(0xff),
        programmingInterface: fc.nat(0xff),
        subClass: fc.nat(0xff),
        baseClass: fc.nat(0xff),
        subsystemVendorId: fc.nat(0xffff),
        subsystemId: fc.nat(0xffff),
      },
      plain,
    ),
    slot: fc.nat(255),
    serial: fc.nat(0xffff_ffff),
    virtualNumaNode: fc.option(fc.nat(0xffff), { nil: undefined }),
  },
  plain,
);

test('bus relations come back as they were sent, without the NUMA node before 1.3', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.values(VpciVersion)),
      fc.array(description, { maxLength: 12 }),
      (version, functions) => {
        const told = decodeHostMessage(encodeBusRelations(version, functions));
        const expected =
          version < VpciVersion.V1_3 ? functions.map((one) => ({ ...one, virtualNumaNode: undefined })) : functions;
        assert.deepEqual(told, { kind: 'bus-relations', functions: expected });
      },
    ),
  );
});

test('a front end drops relations shorter than their count', () => {
  const message = encodeBusRelations(VpciVersion.V1_4, []);
  new DataView(message.buffer).setUint32(4, 1, true);
  assert.equal(decodeHostMessage(message), undefined);
});

test('what a host says prints', () => {
  assert.equal(describePacket(encodeEject(0x25), 'host-to-guest'), 'EJECT slot=05.1');
  assert.equal(
    describePacket(encodeBusRelations(VpciVersion.V1_4, []), 'host-to-guest'),
    'BUS_RELATIONS2 functionCount=0',
  );
});

test('any bytes print as one line of bounded length', () => {
  const type = fc.constantFrom(...Object.values(GUEST_MESSAGES), ...Object.values(HOST_MESSAGES));
  const direction = fc.constantFrom('guest-to-host', 'host-to-guest', 'completion' as const);
  fc.assert(
    fc.property(
      type,
      direction,
      fc.uint8Array({ maxLength: 600 }),
      fc.boolean(),
      ({ messageType }, way, payload, typed) => {
        if (typed && payload.byteLength >= 4) new DataView(payload.buffer).setUint32(0, messageType, true);
        const line = describePacket(payload, way, messageType);
        assert.ok(line.length < 6000, line);
        assert.ok(!line.includes('\n'));
      },
    ),
  );
});
