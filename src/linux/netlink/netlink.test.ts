import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { decodeAttributes, decodeLinkMessage, encodeAttributes, netlinkError } from './message.ts';
import { exchangeRouteMessages } from './route-socket.ts';
import { decodeVirtualFunctions, encodeLinkQuestion, encodeVirtualFunctionChanges } from './virtual-function.ts';

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);

test('the question for a link and its virtual functions, byte for byte', () => {
  assert.deepEqual(
    encodeLinkQuestion(7),
    bytes(
      // Header: 40 bytes, RTM_GETLINK, NLM_F_REQUEST, sequence 1.
      ...[40, 0, 0, 0, 18, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0],
      // Link 7.
      ...[0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      // IFLA_EXT_MASK: virtual functions, without counters.
      ...[8, 0, 29, 0, 9, 0, 0, 0],
    ),
  );
});

test('each setting is one change, nested as the kernel wants it', () => {
  const changes = encodeVirtualFunctionChanges(3, 2, {
    mac: bytes(0x52, 0x54, 0, 0x0d, 0xda, 1),
    vlan: 0x102,
    trust: true,
    spoofCheck: false,
  });
  assert.deepEqual(
    changes.map(({ setting }) => setting),
    ['mac', 'vlan', 'trust', 'spoofCheck'],
  );
  assert.deepEqual(
    changes[1]?.message,
    bytes(
      // Header: 56 bytes, RTM_SETLINK, NLM_F_REQUEST and NLM_F_ACK.
      ...[56, 0, 0, 0, 19, 0, 5, 0, 1, 0, 0, 0, 0, 0, 0, 0],
      ...[0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      // IFLA_VFINFO_LIST, IFLA_VF_INFO, IFLA_VF_VLAN: function 2, VLAN 0x102, priority 0.
      ...[24, 0, 22, 0, 20, 0, 1, 0, 16, 0, 2, 0],
      ...[2, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0],
    ),
  );
  const mac = changes[0]?.message ?? bytes();
  assert.equal(mac.byteLength, 32 + 4 + 4 + 4 + 36);
  assert.deepEqual(mac.subarray(40, 54), bytes(40, 0, 1, 0, 2, 0, 0, 0, 0x52, 0x54, 0, 0x0d, 0xda, 1));
  assert.deepEqual(changes[2]?.message.subarray(40), bytes(12, 0, 9, 0, 2, 0, 0, 0, 1, 0, 0, 0));
  assert.deepEqual(changes[3]?.message.subarray(40), bytes(12, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0));
  assert.deepEqual(encodeVirtualFunctionChanges(3, 0, {}), []);
});

test('an answer tells of each virtual function, and what the driver does not say stays open', () => {
  const mac = new Uint8Array(36);
  mac.set([1, 0, 0, 0, 0x52, 0x54, 0, 0, 0, 9]);
  const info = encodeAttributes([
    { type: 1, payload: mac },
    { type: 2, payload: bytes(1, 0, 0, 0, 42, 0, 0, 0, 0, 0, 0, 0) },
    { type: 4, payload: bytes(1, 0, 0, 0, 1, 0, 0, 0) },
    { type: 9, payload: bytes(1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff) },
  ]);
  const list = encodeAttributes([{ type: 22, payload: encodeAttributes([{ type: 1, payload: info }]) }]);
  const answer = new Uint8Array(32 + list.byteLength);
  new DataView(answer.buffer).setUint32(0, answer.byteLength, true);
  answer[4] = 16;
  answer.set(list, 32);
  const found = decodeVirtualFunctions(answer);
  assert.deepEqual(
    [...found],
    [[1, { mac: bytes(0x52, 0x54, 0, 0, 0, 9), vlan: 42, spoofCheck: true, trust: undefined }]],
  );
  assert.deepEqual(decodeVirtualFunctions(answer.slice(0, 32)), new Map());
});

test('attributes that do not fit are refused, not read past their end', () => {
  assert.throws(() => decodeAttributes(bytes(9, 0, 1, 0, 1, 2, 3, 4)), RangeError);
  assert.throws(() => decodeAttributes(bytes(3, 0, 1, 0)), RangeError);
  assert.throws(() => decodeLinkMessage(bytes(1, 2, 3)), RangeError);
  // The nested bit of a type isn't part of it.
  assert.deepEqual(decodeAttributes(bytes(4, 0, 22, 0x80)), [{ type: 22, payload: bytes() }]);
});

test('an acknowledgement is an errno', () => {
  const acknowledgement = new Uint8Array(36);
  acknowledgement[4] = 2;
  assert.equal(netlinkError(acknowledgement), 0);
  new DataView(acknowledgement.buffer).setInt32(16, -95, true);
  assert.equal(netlinkError(acknowledgement), 95);
  assert.equal(netlinkError(encodeLinkQuestion(1)), undefined);
});

test("this machine's kernel answers about its loopback interface, and refuses what makes no sense", () => {
  assert.ok(networkInterfaces()['lo'] !== undefined);
  const index = Number(readFileSync('/sys/class/net/lo/ifindex', 'utf8'));
  const [answer] = exchangeRouteMessages([encodeLinkQuestion(index)]);
  assert.ok(answer !== undefined);
  const link = decodeLinkMessage(answer);
  assert.deepEqual([link.type, link.interfaceIndex], [16, index]);
  const name = link.attributes.find(({ type }) => type === 3);
  assert.equal(new TextDecoder().decode(name?.payload), 'lo\0');
  assert.deepEqual(decodeVirtualFunctions(answer), new Map());
  assert.throws(() => exchangeRouteMessages([encodeLinkQuestion(2_000_000_000)]), {
    code: 'ENODEV',
    call: 'RTM_GETLINK',
  });
});
