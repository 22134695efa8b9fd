import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ChannelFault } from '../packet-channel.ts';
import { MemoryChannel } from './memory-channel.ts';
import { echoDevice, RecordingDevice } from '../testing/index.ts';

test('a packet is padded as on a ring, both ways', () => {
  const device = echoDevice();
  const channel = new MemoryChannel(device);
  channel.open();
  channel.send({ payload: Uint8Array.of(1, 2, 3), transactionId: 7n, completionRequested: true });
  assert.deepEqual(device.packets[0]?.payload, Uint8Array.of(1, 2, 3, 0, 0, 0, 0, 0));
  assert.deepEqual(channel.received, [
    { kind: 'completion', transactionId: 7n, payload: Uint8Array.of(1, 2, 3, 0, 0, 0, 0, 0) },
  ]);
});

test('the front end hears of answers when the provider has returned', () => {
  const order: string[] = [];
  const device = new RecordingDevice();
  const channel = new MemoryChannel(device);
  device.onPacket = (_packet, host) => {
    host.sendInBand(new Uint8Array(8));
    order.push('provider done');
  };
  channel.onPacket = () => order.push('front end');
  channel.open();
  channel.send({ payload: new Uint8Array(8) });
  device.channel.sendInBand(new Uint8Array(8));
  assert.deepEqual(order, ['provider done', 'front end', 'front end']);
});

test('a front end may send while it hears of a packet; the order stays', () => {
  const device = new RecordingDevice();
  const channel = new MemoryChannel(device);
  device.onPacket = ({ transactionId }, host) => {
    host.complete(transactionId, new Uint8Array(0));
    if (transactionId === 1n) host.complete(100n, new Uint8Array(0));
  };
  channel.onPacket = ({ transactionId }) => {
    if (transactionId === 1n) channel.send({ payload: new Uint8Array(8), transactionId: 2n });
  };
  channel.open();
  channel.send({ payload: new Uint8Array(8), transactionId: 1n });
  assert.deepEqual(
    channel.received.map(({ transactionId }) => transactionId),
    [1n, 100n, 2n],
  );
});

test('a ChannelFault closes it, and it can be opened again', () => {
  const device = new RecordingDevice();
  const channel = new MemoryChannel(device);
  device.onPacket = () => {
    throw new ChannelFault('nonsense');
  };
  channel.open();
  const before = device.channel;
  channel.send({ payload: new Uint8Array(8) });
  assert.equal(channel.closedReason, 'nonsense');
  assert.throws(() => channel.send({ payload: new Uint8Array(8) }), /closed: nonsense/);
  channel.open();
  before.sendInBand(new Uint8Array(8));
  assert.deepEqual(channel.received, []);
  assert.deepEqual(device.events, ['opened', 'closed: nonsense', 'opened']);
});

test('a release closes first, and sends have no effect after it', () => {
  const device = new RecordingDevice();
  const channel = new MemoryChannel(device);
  channel.open();
  const host = device.channel;
  channel.release();
  host.sendInBand(new Uint8Array(8));
  assert.deepEqual(channel.received, []);
  assert.deepEqual(device.events, ['opened', 'closed: the offer was rescinded', 'released']);
});
