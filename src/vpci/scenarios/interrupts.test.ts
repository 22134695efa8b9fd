import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEVICE_ID, fixture } from '../testing/fixture.ts';
import { encodeCreateInterrupt, encodeDeleteInterrupt } from '../wire/encode-guest.ts';
import { NtStatus } from '../wire/status.ts';
import { VpciVersion } from '../wire/version.ts';

const { V1_1, V1_4 } = VpciVersion;

test('as Linux sets a vector up: placeholder, deleted, created anew, retargeted, moved', () => {
  const { machine, provider, guest } = fixture();
  guest.handshake();
  const placeholder = guest.createInterrupt(V1_4, 0, { vector: 0xef, vps: [0] });
  guest.tell(encodeDeleteInterrupt(0, { ...placeholder, vectorCount: 0 }));
  const token = guest.createInterrupt(V1_4, 0, { vector: 0x21, vps: [1] });
  const changes = machine.targetChanges;

  const request = { deviceId: DEVICE_ID, addressLow: Number(token.address), data: token.data };
  assert.equal(provider.retarget({ ...request, vector: 0x21, vps: [1] }), 'retargeted');
  assert.equal(machine.targetChanges, changes, 'nothing changed, nothing told');
  assert.equal(provider.retarget({ ...request, vector: 0x25, vps: [3] }), 'retargeted');
  assert.deepEqual(provider.interruptTarget(token), { vector: 0x25, vps: [3] });
  assert.deepEqual([...machine.targets.values()], [{ vector: 0x25, vps: [3] }]);
});

test('a retarget that names nothing of this bus changes nothing', () => {
  const { machine, provider, guest } = fixture();
  guest.handshake();
  const token = guest.createInterrupt(V1_4, 0);
  const request = { deviceId: DEVICE_ID, addressLow: Number(token.address), data: token.data, vector: 0x30, vps: [0] };
  const changes = machine.targetChanges;
  assert.equal(provider.retarget({ ...request, deviceId: DEVICE_ID + 8 }), 'not-this-bus');
  assert.equal(provider.retarget({ ...request, deviceId: DEVICE_ID + 1 }), 'unknown-message');
  assert.equal(provider.retarget({ ...request, data: token.data + 1 }), 'unknown-message');
  assert.equal(provider.retarget({ ...request, addressLow: 0xfee0_0000 }), 'unknown-message');
  assert.equal(provider.retarget({ ...request, vector: 15 }), 'bad-vector');
  assert.equal(provider.retarget({ ...request, vector: 256 }), 'bad-vector');
  assert.equal(machine.targetChanges, changes);
  guest.tell(encodeDeleteInterrupt(0, token));
  assert.equal(provider.retarget(request), 'unknown-message');
});

test('multi-message MSI: one block, siblings at data + i, each retargeted by itself', () => {
  const { machine, provider, guest } = fixture();
  guest.handshake();
  guest.createInterrupt(V1_4, 0);
  const block = guest.createInterrupt(V1_4, 0, { vector: 32, vectorCount: 8, vps: [0] });
  assert.equal(block.vectorCount, 8);
  assert.equal(block.data % 8, 0);
  assert.equal(machine.targets.size, 9);
  const third = { address: block.address, data: block.data + 3 };
  assert.deepEqual(provider.interruptTarget(third), { vector: 35, vps: [0] });
  const request = { deviceId: DEVICE_ID, addressLow: Number(block.address), data: third.data, vector: 0x41, vps: [1] };
  assert.equal(provider.retarget(request), 'retargeted');
  assert.deepEqual(provider.interruptTarget(third), { vector: 0x41, vps: [1] });
  assert.deepEqual(provider.interruptTarget(block), { vector: 32, vps: [0] });
  guest.tell(encodeDeleteInterrupt(0, block));
  assert.equal(machine.targets.size, 1);
});

test('version 1.1 lets any VP take it', () => {
  const { provider, guest } = fixture();
  guest.handshake([V1_1]);
  const all = Array.from({ length: 64 }, (_, vp) => vp);
  const token = guest.createInterrupt(V1_1, 0, { vps: all });
  assert.deepEqual(provider.interruptTarget(token)?.vps, all);
});

test('a function that asks for more messages than a function can have gets a status and keeps what it has', () => {
  const { machine, guest } = fixture();
  guest.handshake();
  for (let i = 0; i < 15; i++) guest.createInterrupt(V1_4, 0, { vectorCount: 32 });
  const one = { vector: 0x40, vectorCount: 15, deliveryMode: 'fixed', vps: [0] } as const;
  assert.equal(guest.askStatus(encodeCreateInterrupt(V1_4, 0, one)), NtStatus.INSUFFICIENT_RESOURCES);
  assert.equal(machine.targets.size, 480);
  assert.equal(guest.createInterrupt(V1_4, 0, { vectorCount: 14 }).vectorCount, 14);
  assert.equal(machine.targets.size, 494);
});

test('a deletion is completed for those who ask', () => {
  const { guest } = fixture();
  guest.handshake();
  const token = guest.createInterrupt(V1_4, 0);
  assert.equal(guest.askStatus(encodeDeleteInterrupt(0, token)), NtStatus.SUCCESS);
  assert.equal(guest.askStatus(encodeDeleteInterrupt(0, token)), NtStatus.BAD_DATA);
});

test('the lowest vector and the highest', () => {
  const { provider, guest } = fixture();
  guest.handshake();
  const token = guest.createInterrupt(V1_4, 0);
  const request = { deviceId: DEVICE_ID, addressLow: Number(token.address), data: token.data, vps: [0] };
  for (const vector of [16, 255]) {
    assert.equal(provider.retarget({ ...request, vector }), 'retargeted');
    assert.equal(provider.interruptTarget(token)?.vector, vector);
  }
});

test('data that a block only keeps free names no message', () => {
  const { machine, provider, guest } = fixture();
  guest.handshake();
  const block = guest.createInterrupt(V1_4, 0, { vector: 32, vectorCount: 5, vps: [0] });
  const request = { deviceId: DEVICE_ID, addressLow: Number(block.address), vector: 0x41, vps: [1] };
  assert.equal(provider.retarget({ ...request, data: block.data + 4 }), 'retargeted');
  const changes = machine.targetChanges;
  for (const beyond of [5, 6, 7, 8]) {
    assert.equal(provider.retarget({ ...request, data: block.data + beyond }), 'unknown-message', `${beyond}`);
    assert.equal(provider.interruptTarget({ address: block.address, data: block.data + beyond }), undefined);
  }
  assert.equal(machine.targetChanges, changes);
});

test('an interrupt may go to more VPs, to fewer, or to others: each is a change', () => {
  const { machine, provider, guest } = fixture();
  guest.handshake();
  const token = guest.createInterrupt(V1_4, 0, { vector: 0x30, vps: [0, 1] });
  const request = { deviceId: DEVICE_ID, addressLow: Number(token.address), data: token.data, vector: 0x30 };
  for (const vps of [[0, 1, 2], [0, 1], [0, 3], [0], []]) {
    const changes = machine.targetChanges;
    assert.equal(provider.retarget({ ...request, vps }), 'retargeted');
    assert.equal(machine.targetChanges, changes + 1, vps.join());
    assert.deepEqual(provider.interruptTarget(token)?.vps, vps);
  }
});
