import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '../testing/bytes.ts';
import { fixture } from '../testing/fixture.ts';
import { encodeCreateInterrupt, encodeRequest } from '../wire/encode-guest.ts';
import { NtStatus } from '../wire/status.ts';
import { VpciVersion } from '../wire/version.ts';

const { BAD_DATA, INVALID_DEVICE_STATE, NOT_SUPPORTED } = NtStatus;
const { V1_1, V1_2, V1_4 } = VpciVersion;
const one = { vector: 0x21, vectorCount: 1, deliveryMode: 'fixed', vps: [1] } as const;
const NOBODY = 5;

const create = (change: Partial<Record<keyof typeof one, unknown>>) =>
  encodeCreateInterrupt(V1_4, 0, { ...one, ...change } as typeof one);

/** Sent to a guest's bus in D0, one function in slot 0, version 1.4. */
const REFUSED: readonly (readonly [string, Uint8Array, number])[] = [
  ['an unknown message', hex('7f004942 00000000'), NOT_SUPPORTED],
  ['a message that is none', hex('ffffffff ffffffff'), NOT_SUPPORTED],
  ["one of the host's own messages", hex('0b004942 00000000'), NOT_SUPPORTED],
  ['READ_BLOCK', encodeRequest('READ_BLOCK', { bytesWanted: 128 }), NOT_SUPPORTED],
  ['WRITE_BLOCK', encodeRequest('WRITE_BLOCK', { byteCount: 8 }), NOT_SUPPORTED],
  ['RESET_DEVICE', encodeRequest('RESET_DEVICE', {}), NOT_SUPPORTED],
  ['TDISP_COMMAND', encodeRequest('TDISP_COMMAND', {}), NOT_SUPPORTED],
  ['requirements of an empty slot', encodeRequest('QUERY_RESOURCE_REQUIREMENTS', { slot: NOBODY }), BAD_DATA],
  ['a slot with reserved bits', encodeRequest('QUERY_RESOURCE_REQUIREMENTS', { slot: 0x100 }), BAD_DATA],
  ['resources of an empty slot', encodeRequest('QUERY_RESOURCE_RESOURCES', { slot: NOBODY }), BAD_DATA],
  ['release of an empty slot', encodeRequest('RESOURCES_RELEASED', { slot: NOBODY }), BAD_DATA],
  ['assignment to an empty slot', encodeRequest('RESOURCES_ASSIGNED2', { slot: NOBODY }), BAD_DATA],
  ['more descriptors than bytes', encodeRequest('RESOURCES_ASSIGNED2', { descriptorCount: 1 }), BAD_DATA],
  [
    'more descriptors than any function has',
    encodeRequest('RESOURCES_ASSIGNED2', { descriptorCount: 0xffff_ffff }),
    BAD_DATA,
  ],
  ['a power state between', encodeRequest('POWER_STATE_CHANGE', { state: 2 }), BAD_DATA],
  ['a window off its page', encodeRequest('BUS_D0ENTRY', { windowGpa: 0xe000_0800n }), BAD_DATA],
  ['a window beyond all addresses', encodeRequest('BUS_D0ENTRY', { windowGpa: 0xffff_ffff_ffff_f000n }), BAD_DATA],
  ['an ejection nobody asked for', encodeRequest('EJECTION_COMPLETE', {}), BAD_DATA],
  ['an unknown interrupt deleted', encodeRequest('DELETE_INTERRUPT', {}), BAD_DATA],
  ['no vector', create({ vectorCount: 0 }), BAD_DATA],
  ['33 vectors', create({ vectorCount: 33 }), BAD_DATA],
  ['vector 15', create({ vector: 15 }), BAD_DATA],
  ['vector 256', create({ vector: 256 }), BAD_DATA],
  ['a block that ends past vector 255', create({ vector: 240, vectorCount: 32 }), BAD_DATA],
  ['an interrupt for an empty slot', encodeCreateInterrupt(V1_4, NOBODY, one), BAD_DATA],
  ['CREATE_INTERRUPT3 cut short', create({}).slice(0, 72), BAD_DATA],
  ['a message without a type', hex(''), BAD_DATA],
];

for (const [name, payload, status] of REFUSED) {
  test(`refused with a status, and the channel goes on: ${name}`, () => {
    const { machine, guest, provider } = fixture();
    guest.handshake();
    const before = provider.snapshot();
    assert.equal(guest.askStatus(payload), status);
    assert.equal(guest.channel.closedReason, undefined);
    assert.equal(machine.logged.filter(({ code }) => code === 'VPCI_REFUSED').length, 1);
    // A window that can't be ends D0; all others change nothing.
    if (!name.includes('window')) assert.deepEqual(provider.snapshot(), before);
    // Without a completion asked for there is no answer at all.
    const packets = guest.channel.received.length;
    guest.tell(payload);
    assert.equal(guest.channel.received.length, packets);
  });
}

test('delivery modes and VP lists are checked', () => {
  const { guest } = fixture();
  guest.handshake();
  const payload = create({});
  for (const [offset, value] of [
    [12, 2],
    [16, 33],
  ] as const) {
    const broken = payload.slice();
    broken[offset] = value;
    assert.equal(guest.askStatus(broken), BAD_DATA);
  }
});

test('forms of a higher version than the settled one are refused', () => {
  const { guest } = fixture();
  guest.handshake([V1_1]);
  assert.equal(guest.askStatus(encodeCreateInterrupt(V1_2, 0, one)), NOT_SUPPORTED);
  assert.equal(guest.askStatus(encodeCreateInterrupt(V1_4, 0, one)), NOT_SUPPORTED);
  assert.equal(guest.askStatus(encodeRequest('RESOURCES_ASSIGNED2', {})), NOT_SUPPORTED);
  assert.equal(guest.askStatus(encodeRequest('RESOURCES_ASSIGNED3', {})), NOT_SUPPORTED);
  assert.equal(guest.createInterrupt(V1_1, 0).vectorCount, 1);
});

test('outside D0 there are no interrupts, resources or power states', () => {
  const { fn, guest } = fixture();
  guest.channel.open();
  guest.negotiate([V1_4]);
  guest.queryRelations();
  assert.equal(guest.askStatus(create({})), INVALID_DEVICE_STATE);
  assert.equal(guest.askStatus(encodeRequest('RESOURCES_ASSIGNED2', {})), INVALID_DEVICE_STATE);
  assert.equal(guest.askStatus(encodeRequest('POWER_STATE_CHANGE', { state: 1 })), INVALID_DEVICE_STATE);
  assert.equal(fn.command, 0);
  assert.equal(guest.askStatus(encodeRequest('BUS_D0EXIT', {})), NtStatus.SUCCESS);
});

test('thousands of refusals are few lines in the log', () => {
  const { machine, guest } = fixture();
  guest.handshake();
  for (let i = 0; i < 5000; i++) guest.tell(hex('7f004942 00000000'));
  assert.ok(machine.logged.length < 30, `${machine.logged.length} lines`);
});
