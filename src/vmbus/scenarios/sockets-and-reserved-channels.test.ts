import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseGuid } from '../../hyperv/index.ts';
import { CLOSE_RESERVED_CHANNEL, OPEN_RESERVED_CHANNEL, TL_CONNECT_REQUEST } from '../messages/from-guest.ts';
import { RefusalCode } from '../refusal.ts';
import { ProtocolVersion } from '../version.ts';
import { offeredBench, RecordingDevice } from '../testing/index.ts';

const endpointId = parseGuid('00112233-4455-6677-8899-aabbccddeeff');
const serviceId = parseGuid('ffeeddcc-bbaa-9988-7766-554433221100');

test('a socket connection is refused in so many words', () => {
  const { bench } = offeredBench();
  bench.guest.post(TL_CONNECT_REQUEST.encode({ endpointId, serviceId }));
  assert.deepEqual(bench.guest.received('TL_CONNECT_RESULT'), [
    { name: 'TL_CONNECT_RESULT', endpointId, serviceId, status: 0xc000_0236 },
  ]);
});

test('a reserved open fails, a reserved close is done, both where the guest polls', () => {
  const { bench, device, offer } = offeredBench();
  const { relid } = offer;
  bench.guestListens = false;
  bench.guest.post(
    OPEN_RESERVED_CHANNEL.encode({ relid, targetVp: 1, targetSint: 2, ringGpadl: 1, downstreamPageOffset: 2 }),
  );
  assert.equal(bench.waiting[0]?.vp, 1);
  bench.guest.post(CLOSE_RESERVED_CHANNEL.encode({ relid, targetVp: 0, targetSint: 2 }));
  bench.guestListens = true;
  bench.settle();
  assert.deepEqual(bench.guest.received('OPENCHANNEL_RESULT'), [
    { name: 'OPENCHANNEL_RESULT', relid, openId: 0, status: 0xc000_00bb },
  ]);
  assert.deepEqual(bench.guest.received('CLOSE_RESERVED_RESPONSE'), [{ name: 'CLOSE_RESERVED_RESPONSE', relid }]);
  assert.deepEqual(device.events, []);
  assert.equal(offer.state, 'offered');
});

test('answers wanted where nobody listens are not given', () => {
  const { bench, offer } = offeredBench();
  const { relid } = offer;
  const before = bench.guest.messages.length;
  bench.guest.post(OPEN_RESERVED_CHANNEL.encode({ relid, targetVp: 2, targetSint: 2 }));
  bench.guest.post(CLOSE_RESERVED_CHANNEL.encode({ relid, targetVp: 0, targetSint: 3 }));
  assert.equal(bench.guest.messages.length, before);
  assert.equal(bench.server.snapshot().events[RefusalCode.badValue], 2);
});

test('before 4.0 there are neither', () => {
  const { bench, offer } = offeredBench(new RecordingDevice(), { maxVersion: ProtocolVersion.V3_0 });
  const before = bench.guest.messages.length;
  bench.guest.post(TL_CONNECT_REQUEST.encode({ endpointId, serviceId }));
  bench.guest.post(OPEN_RESERVED_CHANNEL.encode({ relid: offer.relid, targetSint: 2 }));
  assert.equal(bench.guest.messages.length, before);
  assert.equal(bench.server.snapshot().events[RefusalCode.wrongVersion], 2);
});
