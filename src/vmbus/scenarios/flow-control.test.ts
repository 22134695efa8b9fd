import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PACKETS_PER_TURN, SEND_QUEUE_LIMITS } from '../open-channel.ts';
import { echoDevice, openBench, RecordingDevice } from '../testing/index.ts';

const request = (id: number, sizeBytes = 8) => ({
  payload: new Uint8Array(sizeBytes).fill(id),
  transactionId: BigInt(id),
  completionRequested: true,
});

test('the host stops reading while its answers find no room, and goes on when the guest makes some', () => {
  const device = echoDevice();
  device.maxReplyBytes = 2000;
  const { bench, channel } = openBench(device);
  channel.reading = false;
  let sent = 0;
  while (channel.trySend(request(sent + 1, 2000))) sent += 1;
  bench.settle();
  // 16 KiB each way: the answers fill one ring, then the requests the other.
  assert.ok(device.packets.length < sent);
  const served = device.packets.length;
  assert.equal(channel.rings.downstream.loadWord('pendingSendSize'), 2024);
  channel.signal();
  assert.equal(device.packets.length, served);
  channel.reading = true;
  channel.interrupted();
  bench.settle();
  assert.equal(device.packets.length, sent);
  assert.deepEqual(
    channel.received.map(({ transactionId }) => Number(transactionId)),
    Array.from({ length: sent }, (_, index) => index + 1),
  );
  assert.equal(channel.rings.downstream.loadWord('pendingSendSize'), 0);
});

test('a guest that waits for room is signalled when it is there', () => {
  const { bench, device, channel } = openBench();
  // The host is kept from reading: its own ring is full and the guest doesn't read.
  device.maxReplyBytes = 4000;
  channel.reading = false;
  for (let count = 0; count < 4; count += 1) device.channel.sendInBand(new Uint8Array(4000));
  while (channel.trySend({ payload: new Uint8Array(1000) }));
  assert.equal(channel.outgoing.awaitRoom(5000), false);
  bench.settle();
  assert.equal(device.packets.length, 0);
  const flags = bench.counts.flags;
  channel.reading = true;
  channel.interrupted();
  bench.settle();
  assert.ok(bench.counts.flags > flags, 'the guest was signalled');
  assert.equal(channel.outgoing.awaitRoom(5000), true);
  assert.equal(channel.rings.upstream.loadWord('pendingSendSize'), 0);
});

test('what the host says to a full ring waits in order, and goes out as the guest reads', () => {
  const { bench, device, channel } = openBench();
  channel.reading = false;
  for (let id = 1; id <= 40; id += 1) device.channel.complete(BigInt(id), new Uint8Array(1000));
  const queued = bench.server.snapshot().offers[0]?.queued ?? 0;
  assert.ok(queued > 0 && queued < 40);
  assert.equal(channel.rings.downstream.loadWord('pendingSendSize'), 1024);
  channel.reading = true;
  channel.interrupted();
  bench.settle();
  assert.deepEqual(
    channel.received.map(({ transactionId }) => Number(transactionId)),
    Array.from({ length: 40 }, (_, index) => index + 1),
  );
  assert.equal(bench.server.snapshot().offers[0]?.queued, 0);
});

test('a small packet doesn’t overtake what waits', () => {
  const { bench, device, channel } = openBench();
  channel.reading = false;
  for (let id = 1; id <= 20; id += 1) device.channel.complete(BigInt(id), new Uint8Array(id % 2 === 0 ? 8 : 3000));
  channel.reading = true;
  channel.interrupted();
  bench.settle();
  assert.deepEqual(
    channel.received.map(({ transactionId }) => Number(transactionId)),
    Array.from({ length: 20 }, (_, index) => index + 1),
  );
});

test('what waits is a copy', () => {
  const { bench, device, channel } = openBench();
  channel.reading = false;
  const payload = new Uint8Array(1000).fill(1);
  for (let count = 0; count < 20; count += 1) device.channel.sendInBand(payload);
  payload.fill(2);
  channel.reading = true;
  channel.interrupted();
  bench.settle();
  assert.equal(channel.received.length, 20);
  assert.ok(channel.received.every((packet) => packet.payload.every((byte) => byte === 1)));
});

for (const [what, sizeBytes] of [
  ['packets', 8],
  ['bytes', 4000],
] as const) {
  test(`a guest that doesn’t read while too many ${what} wait loses the channel, not within a send`, () => {
    const { bench, device, offer, channel } = openBench();
    channel.reading = false;
    const host = device.channel;
    const most = 16_384 / 24 + SEND_QUEUE_LIMITS.packets;
    for (let count = 0; count < most; count += 1) {
      host.sendInBand(new Uint8Array(sizeBytes));
      assert.equal(device.events.length, 1);
    }
    bench.settle();
    assert.equal(offer.state, 'faulted');
    assert.match(device.events[1] ?? '', /^closed: the guest doesn't read/);
    assert.equal(device.events.length, 2);
    channel.close();
    assert.equal(offer.state, 'offered');
    assert.equal(device.events.length, 2);
    bench.guest.open(offer.relid);
    assert.equal(offer.state, 'open');
  });
}

test('a close that comes between the fault and the news of it is the end', () => {
  const { bench, device, offer, channel } = openBench();
  channel.reading = false;
  const host = device.channel;
  for (let count = 0; count < 1000; count += 1) host.sendInBand(new Uint8Array(4000));
  bench.server.handlePost(1, 1, Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0, offer.relid, 0, 0, 0));
  assert.deepEqual(device.events, ['opened', 'closed: the guest closed the channel']);
  bench.settle();
  assert.equal(offer.state, 'offered');
  assert.equal(device.events.length, 2);
});

test('an answer too big for the ring that the guest made ends the channel', () => {
  const device = echoDevice();
  device.maxReplyBytes = 100_000;
  device.onPacket = ({ transactionId }, channel) => channel.complete(transactionId, new Uint8Array(16_384));
  const { bench, offer, channel } = openBench(device);
  channel.trySend(request(1));
  bench.settle();
  assert.equal(offer.state, 'faulted');
});

test('a provider whose answers may exceed the ring is served while half of it is free', () => {
  const device = echoDevice();
  device.maxReplyBytes = 100_000;
  const { bench, channel } = openBench(device);
  channel.reading = false;
  for (let id = 1; id <= 20; id += 1) channel.trySend(request(id, 1000));
  assert.equal(device.packets.length, 8);
  assert.equal(channel.rings.downstream.loadWord('pendingSendSize'), 8192 + 24);
  channel.reading = true;
  bench.settle();
  assert.equal(device.packets.length, 20);
});

test('room is not asked for when there is nothing to answer', () => {
  const device = echoDevice();
  device.maxReplyBytes = 100_000;
  const { channel } = openBench(device);
  channel.reading = false;
  for (let id = 1; id <= 8; id += 1) channel.trySend(request(id, 1000));
  assert.equal(device.packets.length, 8);
  assert.equal(channel.rings.downstream.loadWord('pendingSendSize'), 0);
});

test('a flood of packets is worked on in turns', () => {
  const { bench, device, channel } = openBench();
  channel.rings.upstream.storeWord('interruptMask', 1);
  while (channel.trySend({ payload: new Uint8Array(8) }));
  channel.rings.upstream.storeWord('interruptMask', 0);
  channel.signal();
  assert.equal(device.packets.length, PACKETS_PER_TURN);
  channel.signal();
  assert.equal(device.packets.length, 2 * PACKETS_PER_TURN);
  bench.settle();
  assert.equal(channel.incoming.isEmpty(), true);
  assert.equal(device.packets.length, Math.floor((16_384 - 8) / 32));
});

test('while the host reads, the guest spares its signals', () => {
  const { bench, device, channel } = openBench();
  device.onPacket = () => {
    if (device.packets.length < 10) assert.equal(channel.trySend({ payload: new Uint8Array(8) }), true);
  };
  channel.send({ payload: new Uint8Array(8) });
  assert.equal(device.packets.length, 10);
  assert.equal(channel.signals, 1);
  assert.equal(channel.rings.upstream.loadWord('interruptMask'), 0);
  assert.deepEqual(bench.waiting, []);
});

test('the guest is signalled once for what it finds in one go', () => {
  const { bench, device, channel } = openBench(new RecordingDevice());
  bench.guestListens = false;
  const before = bench.counts.flags;
  for (let count = 0; count < 10; count += 1) device.channel.sendInBand(new Uint8Array(8));
  assert.equal(bench.counts.flags, before + 1);
  bench.guestListens = true;
  bench.settle();
  assert.equal(channel.received.length, 10);
});
