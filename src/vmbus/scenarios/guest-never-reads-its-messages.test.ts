import assert from 'node:assert/strict';
import { test } from 'node:test';

import { HypercallStatus } from '../../hyperv/index.ts';
import { INITIATE_CONTACT, TL_CONNECT_REQUEST, UNLOAD } from '../messages/from-guest.ts';
import { MAX_UNREAD_MESSAGES } from '../server.ts';
import { offeredBench } from '../testing/index.ts';

test('answers that nobody takes are bounded: posts are turned away until the guest reads', () => {
  const { bench } = offeredBench();
  bench.guestListens = false;
  const statuses = Array.from({ length: MAX_UNREAD_MESSAGES + 10 }, () =>
    bench.server.handlePost(1, 1, TL_CONNECT_REQUEST.encode({})),
  );
  assert.equal(statuses.indexOf(HypercallStatus.INSUFFICIENT_BUFFERS), MAX_UNREAD_MESSAGES);
  assert.equal(bench.waiting.length, MAX_UNREAD_MESSAGES);
  bench.guestListens = true;
  bench.settle();
  assert.equal(bench.server.handlePost(1, 1, TL_CONNECT_REQUEST.encode({})), HypercallStatus.SUCCESS);
});

test('a contact or an UNLOAD gets through: it makes room itself', () => {
  for (const message of [INITIATE_CONTACT.encode({ version: 0x0005_0003, sint: 2 }), UNLOAD.encode({})]) {
    const { bench } = offeredBench();
    bench.guestListens = false;
    while (bench.server.handlePost(1, 1, TL_CONNECT_REQUEST.encode({})) === HypercallStatus.SUCCESS);
    assert.equal(bench.server.handlePost(1, 1, message), HypercallStatus.SUCCESS);
    assert.equal(bench.waiting.length, 1);
  }
});

test('refusals are counted, and logged ever more rarely', () => {
  const { bench } = offeredBench();
  bench.log.length = 0;
  for (let count = 0; count < 10_000; count += 1) bench.server.handlePost(1, 1, new Uint8Array(8));
  assert.equal(bench.server.snapshot().events['VMBUS_UNKNOWN_MESSAGE'], 10_000);
  assert.equal(bench.log.length, 8 + 10);
  assert.match(bench.log.at(-1)?.text ?? '', /time 8192/);
});
