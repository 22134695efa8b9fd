import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAX_OFFERS } from '../offer-table.ts';
import { VmbusError } from '../vmbus-error.ts';
import {
  instanceId,
  INTERFACE_ID,
  offeredBench,
  openBench,
  RecordingDevice,
  VmbusTestbench,
} from '../testing/index.ts';

const spec = (device = new RecordingDevice()) => ({ interfaceId: INTERFACE_ID, instanceId: instanceId(1), device });

test('the same instance waits for the release of its old relid', () => {
  const { bench, offer } = openBench();
  bench.guest.releasesRescinded = false;
  offer.rescind();
  const next = bench.server.offer(spec());
  bench.settle();
  assert.equal(next.state, 'queued');
  assert.equal(bench.guest.received('OFFERCHANNEL').length, 1);
  bench.guest.release(offer.relid);
  assert.equal(next.state, 'offered');
  assert.notEqual(next.relid, offer.relid);
  assert.equal(bench.guest.offers.get(next.relid)?.instanceId, instanceId(1));
});

test('an instance is offered once at a time', () => {
  const { bench, offer } = offeredBench();
  const already = (error: unknown): boolean => error instanceof VmbusError && error.code === 'VMBUS_ALREADY_OFFERED';
  assert.throws(() => bench.server.offer(spec()), already);
  bench.guest.releasesRescinded = false;
  offer.rescind();
  bench.server.offer(spec());
  assert.throws(() => bench.server.offer(spec()), already);
});

test('an offer that still waits is over at once when it is rescinded', () => {
  const { bench, offer } = offeredBench();
  bench.guest.releasesRescinded = false;
  offer.rescind();
  const device = new RecordingDevice();
  const queued = bench.server.offer(spec(device));
  queued.rescind();
  assert.equal(queued.state, 'released');
  assert.deepEqual(device.events, ['released']);
  const next = bench.server.offer(spec());
  assert.equal(next.state, 'queued');
  bench.settle();
  bench.guest.release(offer.relid);
  assert.equal(next.state, 'offered');
});

test('the provider may offer again while it hears of the release', () => {
  const { bench, device, offer } = offeredBench();
  const reoffer = new RecordingDevice();
  device.released = () => {
    bench.server.offer(spec(reoffer));
  };
  offer.rescind();
  bench.settle();
  assert.equal([...bench.guest.offers.values()].length, 1);
});

test('UNLOAD releases what waited, for the next connection', () => {
  const { bench, device, offer } = openBench();
  bench.guest.releasesRescinded = false;
  offer.rescind();
  const next = bench.server.offer(spec());
  bench.guest.unload();
  assert.equal(offer.state, 'released');
  assert.deepEqual(device.events.at(-1), 'released');
  assert.equal(next.state, 'unannounced');
  bench.guest.connect();
  assert.deepEqual(
    bench.guest.requestOffers().map(({ relid }) => relid),
    [next.relid],
  );
});

test('a guest that never releases holds a bounded number of offers', () => {
  const bench = new VmbusTestbench();
  bench.guest.releasesRescinded = false;
  bench.guest.connect();
  bench.guest.requestOffers();
  for (let number = 0; number < MAX_OFFERS; number += 1) {
    bench.server.offer({ ...spec(), instanceId: instanceId(number) }).rescind();
  }
  bench.settle();
  assert.throws(
    () => bench.server.offer(spec()),
    (error: unknown) => error instanceof VmbusError && error.code === 'VMBUS_TOO_MANY_OFFERS',
  );
  bench.guest.release(1);
  const offer = bench.server.offer({ ...spec(), instanceId: instanceId(MAX_OFFERS) });
  assert.equal(offer.relid, MAX_OFFERS + 1);
});

test('relids start over behind 2047 and skip those in use', () => {
  const bench = new VmbusTestbench();
  const relid = (): number => bench.server.offer({ ...spec(), instanceId: instanceId(2) }).relid;
  const kept = bench.server.offer(spec());
  assert.equal(kept.relid, 1);
  for (let number = 2; number <= 2047; number += 1) {
    const offer = bench.server.offer({ ...spec(), instanceId: instanceId(2) });
    assert.equal(offer.relid, number);
    offer.rescind();
  }
  assert.equal(relid(), 2);
});
