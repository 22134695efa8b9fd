import assert from 'node:assert/strict';
import { test } from 'node:test';

import { HypercallStatus } from '../../hyperv/index.ts';
import { RELID_RELEASED } from '../messages/from-guest.ts';
import { gpadlMessages } from '../client/gpadl-messages.ts';
import { echoDevice, offeredBench, openBench } from '../testing/index.ts';

test('UNLOAD with a channel open is a close of all; relids released after it are nobody’s', () => {
  const { bench, device, offer } = openBench(echoDevice());
  bench.guest.unload();
  assert.equal(bench.guest.messages.at(-1)?.name, 'UNLOAD_RESPONSE');
  assert.deepEqual(device.events, ['opened', 'closed: the guest unloaded VMBus']);
  assert.equal(offer.state, 'unannounced');
  const { connection, gpadls } = bench.server.snapshot();
  assert.equal(connection, undefined);
  assert.deepEqual(gpadls, { count: 0, pages: 0 });
  assert.equal(bench.server.handlePost(1, 1, RELID_RELEASED.encode({ relid: offer.relid })), HypercallStatus.SUCCESS);
  assert.deepEqual(
    bench.log.filter(({ severity }) => severity === 'warning'),
    [],
  );
});

test('after UNLOAD nothing more is sent, whatever the host does', () => {
  const { bench, offer } = openBench();
  bench.guest.unload();
  const before = bench.guest.messages.length;
  offer.rescind();
  bench.settle();
  assert.equal(bench.guest.messages.length, before);
  assert.equal(offer.state, 'released');
});

test('module unload and load: the same instance is offered and works again', () => {
  const { bench, offer, channel } = openBench(echoDevice());
  channel.close();
  bench.guest.unload();
  bench.guest.connect();
  const [again] = bench.guest.requestOffers();
  assert.equal(again?.instanceId, offer.instanceId);
  const reopened = bench.guest.open(again?.relid ?? 0);
  reopened.send({ payload: new Uint8Array(8), transactionId: 3n, completionRequested: true });
  assert.equal(reopened.received.length, 1);
});

test('a contact on a live connection is another kernel: all is dropped without a word', () => {
  const { bench, device, offer } = openBench(echoDevice());
  const [header] = gpadlMessages(offer.relid, 77, [
    { byteCount: 27 * 4096, byteOffset: 0, gpns: Array.from({ length: 27 }, (_, gpn) => gpn) },
  ]);
  bench.guest.post(header ?? new Uint8Array(0));
  const guest = bench.restartGuest();
  guest.connect();
  assert.deepEqual(
    guest.messages.map(({ name }) => name),
    ['VERSION_RESPONSE'],
  );
  assert.deepEqual(device.events, ['opened', 'closed: the guest restarted']);
  assert.deepEqual(bench.server.snapshot().gpadls, { count: 0, pages: 0 });
  guest.requestOffers();
  const channel = guest.open(offer.relid);
  channel.send({ payload: new Uint8Array(8), transactionId: 1n, completionRequested: true });
  assert.equal(channel.received.length, 1);
});

test('a restarted kernel does not get what was meant for its forerunner', () => {
  const { bench, offer } = offeredBench();
  bench.guest.releasesRescinded = false;
  bench.guestListens = false;
  offer.rescind();
  assert.equal(bench.waiting.length, 1);
  const guest = bench.restartGuest();
  bench.guestListens = true;
  guest.connect();
  assert.deepEqual(
    guest.messages.map(({ name }) => name),
    ['VERSION_RESPONSE'],
  );
  assert.equal(offer.state, 'released');
});

test('even a contact that is turned down says that another kernel runs', () => {
  const { bench, device } = openBench();
  bench.server.handlePost(1, 1, Uint8Array.from([14, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, ...new Uint8Array(28)]));
  assert.deepEqual(device.events, ['opened', 'closed: the guest restarted']);
  assert.equal(bench.server.snapshot().connection, undefined);
});

test('a reset of the machine is as if no guest had ever been', () => {
  const { bench, device, offer } = openBench();
  bench.server.reset();
  assert.deepEqual(device.events, ['opened', 'closed: the virtual machine was reset']);
  assert.equal(offer.state, 'unannounced');
  bench.server.reset();
  assert.equal(device.events.length, 2);
  const guest = bench.restartGuest();
  guest.connect();
  assert.equal(guest.requestOffers().length, 1);
});

test('a relid that the guest gave back unasked is its own again at the next connection', () => {
  const { bench, device, offer } = offeredBench();
  bench.guest.createGpadl(offer.relid, [1, 2]);
  bench.guest.release(offer.relid);
  assert.equal(offer.state, 'let-go');
  assert.equal(bench.server.snapshot().gpadls.count, 0);
  assert.deepEqual(device.events, []);
  bench.guest.unload();
  bench.guest.connect();
  assert.equal(bench.guest.requestOffers().length, 1);
  bench.guest.release(offer.relid);
  offer.rescind();
  bench.settle();
  assert.equal(offer.state, 'released');
  assert.deepEqual(bench.guest.received('RESCIND_CHANNELOFFER'), []);
});

test('an open channel’s relid can’t be given back', () => {
  const { bench, offer } = openBench();
  bench.guest.release(offer.relid);
  assert.equal(offer.state, 'open');
});
