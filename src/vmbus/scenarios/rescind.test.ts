import assert from 'node:assert/strict';
import { test } from 'node:test';

import { gpadlMessages } from '../client/gpadl-messages.ts';
import { OPENCHANNEL } from '../messages/from-guest.ts';
import {
  echoDevice,
  instanceId,
  INTERFACE_ID,
  offeredBench,
  openBench,
  RecordingDevice,
  VmbusTestbench,
} from '../testing/index.ts';

const names = (bench: VmbusTestbench): string[] => bench.guest.messages.map(({ name }) => name);

test('before any guest knows of it, an offer is over at once', () => {
  const bench = new VmbusTestbench();
  const device = new RecordingDevice();
  const offer = bench.server.offer({ interfaceId: INTERFACE_ID, instanceId: instanceId(1), device });
  bench.guest.connect();
  offer.rescind();
  assert.equal(offer.state, 'released');
  assert.deepEqual(device.events, ['released']);
  assert.deepEqual(bench.guest.requestOffers(), []);
});

test('an offer that nobody opened is over when the guest releases it', () => {
  const { bench, device, offer } = offeredBench();
  bench.guest.releasesRescinded = false;
  offer.rescind();
  bench.settle();
  assert.equal(offer.state, 'rescinded');
  assert.deepEqual(device.events, []);
  assert.equal(bench.guest.offers.size, 0);
  bench.guest.release(offer.relid);
  assert.equal(offer.state, 'released');
  assert.deepEqual(device.events, ['released']);
  assert.equal(bench.server.snapshot().offers.length, 0);
});

test('an open channel ends within the call, its pages at the release', () => {
  const { bench, device, offer, channel } = openBench(echoDevice());
  bench.guest.releasesRescinded = false;
  const send = device.channel;
  offer.rescind();
  assert.deepEqual(device.events, ['opened', 'closed: the offer was rescinded']);
  const writeIndex = channel.rings.downstream.loadWord('writeIndex');
  send.sendInBand(new Uint8Array(8));
  assert.equal(channel.rings.downstream.loadWord('writeIndex'), writeIndex);
  channel.trySend({ payload: new Uint8Array(8), transactionId: 1n, completionRequested: true });
  assert.equal(device.packets.length, 0);
  bench.settle();
  assert.equal(bench.server.snapshot().gpadls.count, 1);
  bench.guest.release(offer.relid);
  assert.deepEqual(bench.server.snapshot().gpadls, { count: 0, pages: 0 });
  assert.deepEqual(device.events.slice(2), ['released']);
});

test('a rescind twice is one rescind', () => {
  const { bench, device, offer } = openBench();
  offer.rescind();
  offer.rescind();
  bench.settle();
  offer.rescind();
  assert.equal(bench.guest.received('RESCIND_CHANNELOFFER').length, 1);
  assert.deepEqual(device.events, ['opened', 'closed: the offer was rescinded', 'released']);
});

test('a GPADL that is still arriving is answered before the rescind, and its late parts are nobody’s', () => {
  const { bench, offer } = offeredBench();
  const { relid } = offer;
  bench.guest.releasesRescinded = false;
  const [header, body] = gpadlMessages(relid, 5, [
    { byteCount: 27 * 4096, byteOffset: 0, gpns: Array.from({ length: 27 }, (_, gpn) => gpn) },
  ]);
  assert.ok(header !== undefined && body !== undefined);
  bench.guest.post(header);
  offer.rescind();
  bench.settle();
  assert.deepEqual(names(bench).slice(-2), ['GPADL_CREATED', 'RESCIND_CHANNELOFFER']);
  assert.notEqual(bench.guest.received('GPADL_CREATED')[0]?.status, 0);
  bench.guest.post(body);
  assert.equal(bench.guest.received('GPADL_CREATED').length, 1);
  assert.deepEqual(bench.server.snapshot().gpadls, { count: 0, pages: 0 });
});

test('what the guest had under way when it was rescinded gets its answers, the open none', () => {
  const { bench, offer } = offeredBench();
  const { relid } = offer;
  bench.guest.releasesRescinded = false;
  offer.rescind();
  const gpadl = bench.guest.createGpadl(relid, [10, 11, 12, 13]);
  bench.guest.post(OPENCHANNEL.encode({ relid, openId: 1, ringGpadl: gpadl, downstreamPageOffset: 2 }));
  assert.deepEqual(bench.guest.received('OPENCHANNEL_RESULT'), []);
  bench.guest.post(Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0, relid, 0, 0, 0));
  bench.guest.tearDownGpadl(relid, gpadl);
  assert.deepEqual(
    bench.log.filter(({ severity }) => severity === 'warning'),
    [],
  );
  bench.guest.release(relid);
  assert.equal(offer.state, 'released');
});

test('the provider may rescind while it hears of a packet, and hears no more', () => {
  const { bench, device, offer, channel } = openBench();
  device.onPacket = () => offer.rescind();
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
  assert.equal(device.packets.length, 1);
  channel.trySend({ payload: new Uint8Array(8) });
  bench.settle();
  assert.equal(device.packets.length, 1);
  assert.deepEqual(device.events, ['opened', 'closed: the offer was rescinded', 'released']);
});

test('the provider may rescind while it hears of the open', () => {
  const { bench, device, offer } = offeredBench();
  device.onOpened = () => offer.rescind();
  bench.guest.open(offer.relid);
  bench.settle();
  assert.deepEqual(device.events, ['opened', 'closed: the offer was rescinded', 'released']);
});

test('25 times: offer, open, talk, rescind; nothing is left over', () => {
  const bench = new VmbusTestbench();
  bench.guest.connect();
  bench.guest.requestOffers();
  const freePages = bench.pages.freeCount;
  for (let cycle = 1; cycle <= 25; cycle += 1) {
    const device = echoDevice();
    const offer = bench.server.offer({ interfaceId: INTERFACE_ID, instanceId: instanceId(1), device });
    assert.equal(offer.relid, cycle);
    bench.settle();
    const channel = bench.guest.open(offer.relid);
    channel.send({ payload: new Uint8Array(8), transactionId: 1n, completionRequested: true });
    assert.equal(channel.received.length, 1);
    offer.rescind();
    bench.settle();
    assert.deepEqual(device.events.at(-1), 'released');
  }
  assert.deepEqual(bench.server.snapshot().gpadls, { count: 0, pages: 0 });
  assert.equal(bench.server.snapshot().offers.length, 0);
  assert.equal(bench.pages.freeCount, freePages);
  assert.deepEqual(
    bench.log.filter(({ severity }) => severity === 'warning'),
    [],
  );
});
