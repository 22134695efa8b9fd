import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { Refusal, RefusalCode } from '../refusal.ts';
import { fromHex, toHex } from '../testing/hex.ts';
import { decodeGuestMessage, type GuestMessage } from './decode-guest-message.ts';
import * as layouts from './from-guest.ts';
import { MessageType } from './message-type.ts';

/** Bytes that a Debian 6.1.192 kernel posted, and what they say. */
const GOLDEN: readonly { readonly hex: string; readonly message: GuestMessage }[] = [
  {
    hex: '0e000000 00000000 03000500 00000000 02000000 00000000 00909a01 00000000 00809a01 00000000',
    message: {
      name: 'INITIATE_CONTACT',
      version: 0x0005_0003,
      targetVp: 0,
      sint: 2,
      vtl: 0,
      featureFlags: 0,
      clientId: undefined,
    },
  },
  { hex: '03000000 00000000', message: { name: 'REQUESTOFFERS' } },
  {
    hex: `08000000 00000000 01000000 101e0e00 5800 0100 00a00000 00000000 ${'1122000000000000'.repeat(10)}`,
    message: {
      name: 'GPADL_HEADER',
      relid: 1,
      gpadl: 0xe1e10,
      rangeBufferBytes: 88,
      rangeCount: 1,
      part: fromHex(`00a00000 00000000 ${'1122000000000000'.repeat(10)}`),
    },
  },
  {
    hex: `05000000 00000000 01000000 01000000 101e0e00 00000000 05000000 ${'00'.repeat(120)}`,
    message: {
      name: 'OPENCHANNEL',
      relid: 1,
      openId: 1,
      ringGpadl: 0xe1e10,
      targetVp: 0,
      downstreamPageOffset: 5,
      userData: new Uint8Array(120),
    },
  },
  { hex: '07000000 00000000 01000000', message: { name: 'CLOSECHANNEL', relid: 1 } },
  { hex: '0d000000 00000000 01000000', message: { name: 'RELID_RELEASED', relid: 1 } },
];

for (const { hex, message } of GOLDEN) {
  test(`golden ${message.name}`, () => {
    assert.deepEqual(decodeGuestMessage(fromHex(hex)), message);
  });
}

test('the golden messages come out of the encoders byte for byte', () => {
  const encoded = [
    layouts.INITIATE_CONTACT.encode({
      version: 0x0005_0003,
      sint: 2,
      parentToChildMonitorGpa: 0x019a_9000n,
      childToParentMonitorGpa: 0x019a_8000n,
    }),
    layouts.REQUESTOFFERS.encode({}),
    layouts.OPENCHANNEL.encode({ relid: 1, openId: 1, ringGpadl: 0xe1e10, downstreamPageOffset: 5 }),
    layouts.CLOSECHANNEL.encode({ relid: 1 }),
    layouts.RELID_RELEASED.encode({ relid: 1 }),
  ];
  const golden = GOLDEN.filter(({ message }) => message.name !== 'GPADL_HEADER').map(({ hex }) =>
    hex.replaceAll(' ', ''),
  );
  assert.deepEqual(encoded.map(toHex), golden);
});

test('before 5.0 the SINT bytes are part of an address', () => {
  const payload = layouts.INITIATE_CONTACT_BEFORE_5_0.encode({ version: 0x0004_0001, interruptPageGpa: 0x0707n });
  const expected = {
    name: 'INITIATE_CONTACT',
    version: 0x0004_0001,
    targetVp: 0,
    sint: undefined,
    vtl: undefined,
    featureFlags: 0,
    clientId: undefined,
  };
  assert.deepEqual(decodeGuestMessage(payload), expected);
});

test('the client id needs version 6.0, its feature flag and its bytes', () => {
  const clientId = '00112233-4455-6677-8899-aabbccddeeff';
  const fields = { version: 0x0006_0000, featureFlags: 8 };
  const guid = fromHex('33221100 5544 7766 8899aabbccddeeff');
  const whole = new Uint8Array(56);
  whole.set(layouts.INITIATE_CONTACT.encode(fields));
  whole.set(guid, 40);
  assert.equal(contact(whole).clientId, clientId);
  assert.equal(code(whole.subarray(0, 55)), RefusalCode.tooShort);
  whole.set(layouts.INITIATE_CONTACT.encode({ ...fields, version: 0x0005_0003 }));
  assert.equal(contact(whole).clientId, undefined);
});

test('each message is refused one byte short and taken with bytes to spare', () => {
  for (const layout of Object.values(layouts)) {
    if (layout === layouts.INITIATE_CONTACT_WITH_CLIENT) continue;
    const payload = new Uint8Array(layout.sizeBytes + 5);
    payload.set(layout.encode({}));
    // Byte 8 is the relid of most, byte 12 the handle of GPADL messages.
    payload.set([1, 0, 0, 0, 1], 8);
    assert.equal(decodeOk(payload).name, layout.name);
    assert.equal(code(payload.subarray(0, layout.sizeBytes - 1)), RefusalCode.tooShort, layout.name);
  }
});

test('relids that no channel can have are refused before anyone looks them up', () => {
  for (const relid of [0, 2048, 0xffff_ffff]) {
    assert.equal(code(layouts.CLOSECHANNEL.encode({ relid })), RefusalCode.unknownRelid);
    assert.equal(code(layouts.GPADL_HEADER.encode({ relid, gpadl: 1 })), RefusalCode.unknownRelid);
  }
});

test('handle 0 means none', () => {
  assert.equal(code(layouts.GPADL_HEADER.encode({ relid: 1 })), RefusalCode.badValue);
  assert.equal(code(layouts.GPADL_BODY.encode({ gpadl: 0 })), RefusalCode.badValue);
});

test('host messages, unknown ones and oversized ones are refused', () => {
  for (const type of [
    0,
    MessageType.OFFERCHANNEL,
    MessageType.VERSION_RESPONSE,
    MessageType.MODIFYCHANNEL_RESPONSE,
    25,
    0xffff_ffff,
  ]) {
    const payload = new Uint8Array(240);
    new DataView(payload.buffer).setUint32(0, type, true);
    assert.equal(code(payload), RefusalCode.unknownMessage, `type ${type}`);
  }
  assert.equal(code(new Uint8Array(241)), RefusalCode.tooLong);
  assert.equal(code(new Uint8Array(7)), RefusalCode.tooShort);
  assert.equal(code(new Uint8Array(0)), RefusalCode.tooShort);
});

test('a part of a range buffer is whole units and its own copy', () => {
  const payload = new Uint8Array(20 + 8 + 7);
  payload.set(layouts.GPADL_HEADER.encode({ relid: 1, gpadl: 1, rangeBufferBytes: 8, rangeCount: 1 }));
  payload[20] = 42;
  const message = decodeOk(payload);
  assert.ok(message.name === 'GPADL_HEADER');
  payload[20] = 0;
  assert.deepEqual(message.part, Uint8Array.of(42, 0, 0, 0, 0, 0, 0, 0));
});

test('any bytes are a message or a refusal', () => {
  const anyType = fc.integer({ min: 0, max: 30 });
  fc.assert(
    fc.property(anyType, fc.uint8Array({ maxLength: 236 }), (type, rest) => {
      const message = decodeGuestMessage(Uint8Array.of(type, 0, 0, 0, ...rest));
      if (message instanceof Refusal) assert.match(message.code, /^VMBUS_/);
      else if ('relid' in message) assert.ok(message.relid >= 1 && message.relid <= 2047);
    }),
  );
});

function decodeOk(payload: Uint8Array): GuestMessage {
  const message = decodeGuestMessage(payload);
  assert.ok(!(message instanceof Refusal), message instanceof Refusal ? message.text : '');
  return message;
}

function contact(payload: Uint8Array): GuestMessage & { name: 'INITIATE_CONTACT' } {
  const message = decodeOk(payload);
  assert.ok(message.name === 'INITIATE_CONTACT');
  return message;
}

function code(payload: Uint8Array): RefusalCode {
  const refusal = decodeGuestMessage(payload);
  assert.ok(refusal instanceof Refusal, `${JSON.stringify(refusal)} is no refusal`);
  return refusal.code;
}
