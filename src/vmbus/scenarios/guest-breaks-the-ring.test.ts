import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ChannelFault } from '../packet-channel.ts';
import { echoDevice, openBench, RecordingDevice } from '../testing/index.ts';

test('an impossible write index ends the channel and nothing else', () => {
  const { bench, device, offer, channel } = openBench(echoDevice());
  channel.rings.upstream.storeWord('writeIndex', 20_000);
  channel.signal();
  assert.equal(offer.state, 'faulted');
  assert.equal(device.events.length, 2);
  assert.match(device.events[1] ?? '', /^closed: writeIndex 20000/);
  // Signals to a dead channel are no news.
  channel.signal();
  bench.settle();
  assert.equal(device.events.length, 2);
  channel.close();
  const again = bench.guest.open(offer.relid);
  again.send({ payload: new Uint8Array(8), transactionId: 1n, completionRequested: true });
  assert.equal(again.received.length, 1);
});

test('an impossible read index is found when the host sends', () => {
  const { bench, device, offer, channel } = openBench();
  channel.rings.downstream.storeWord('readIndex', 3);
  device.channel.sendInBand(new Uint8Array(8));
  assert.equal(device.events.length, 1);
  bench.settle();
  assert.equal(offer.state, 'faulted');
  assert.match(device.events[1] ?? '', /readIndex 3/);
});

test('a provider’s ChannelFault ends the channel; the packets behind are not served', () => {
  const device = new RecordingDevice();
  device.onPacket = () => {
    throw new ChannelFault('nonsense');
  };
  const { bench, offer, channel } = openBench(device);
  channel.outgoing.write({
    kind: 'in-band',
    transactionId: 0n,
    completionRequested: false,
    payload: new Uint8Array(8),
  });
  channel.outgoing.write({
    kind: 'in-band',
    transactionId: 0n,
    completionRequested: false,
    payload: new Uint8Array(8),
  });
  channel.signal();
  bench.settle();
  assert.equal(device.packets.length, 1);
  assert.deepEqual(device.events, ['opened', 'closed: nonsense']);
  assert.equal(offer.state, 'faulted');
});

test('a ChannelFault while opening ends the channel as well', () => {
  const device = new RecordingDevice();
  device.onOpened = () => {
    throw new ChannelFault('no user data');
  };
  const { offer } = openBench(device);
  assert.equal(offer.state, 'faulted');
  assert.deepEqual(device.events, ['opened', 'closed: no user data']);
});

test('a bug of the provider is not the guest’s fault', () => {
  const device = new RecordingDevice();
  device.onPacket = () => {
    throw new TypeError('bug');
  };
  const { channel, offer } = openBench(device);
  assert.throws(() => channel.trySend({ payload: new Uint8Array(8) }), TypeError);
  assert.equal(offer.state, 'open');
  device.onPacket = () => undefined;
  channel.trySend({ payload: new Uint8Array(8) });
  channel.signal();
  assert.equal(device.packets.length, 2);
});

test('rings torn down under an open channel: it ends before the guest gets its pages back', () => {
  const { bench, device, offer, channel } = openBench();
  bench.guest.tearDownGpadl(offer.relid, channel.gpadl);
  assert.equal(offer.state, 'faulted');
  assert.match(device.events[1] ?? '', /tore its rings down/);
  assert.equal(bench.guest.messages.at(-1)?.name, 'GPADL_TORNDOWN');
});

test('a teardown of what isn’t the channel’s is refused', () => {
  const { bench, offer, channel } = openBench();
  const teardown = (relid: number, gpadl: number): Uint8Array =>
    Uint8Array.from([11, 0, 0, 0, 0, 0, 0, 0, relid, 0, 0, 0, ...new Uint8Array(Uint32Array.of(gpadl).buffer)]);
  bench.guest.post(teardown(offer.relid, channel.gpadl + 1));
  bench.guest.post(teardown(offer.relid + 1, channel.gpadl));
  assert.deepEqual(bench.guest.received('GPADL_TORNDOWN'), []);
  assert.equal(offer.state, 'open');
});
