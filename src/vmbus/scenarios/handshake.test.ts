import assert from 'node:assert/strict';
import { test } from 'node:test';

import { HypercallStatus } from '../../hyperv/index.ts';
import {
  INITIATE_CONTACT,
  INITIATE_CONTACT_BEFORE_5_0,
  INITIATE_CONTACT_WITH_CLIENT,
  REQUESTOFFERS,
} from '../messages/from-guest.ts';
import { RefusalCode } from '../refusal.ts';
import { parseGuid } from '../../hyperv/index.ts';
import { fromHex, toHex } from '../testing/hex.ts';
import { ProtocolVersion } from '../version.ts';
import { VmbusTestbench } from '../testing/index.ts';

/** What the host posted, as `vp: hex`. */
function posted(bench: VmbusTestbench): string[] {
  return bench.waiting.splice(0).map((action) => {
    assert.ok(action.kind === 'message');
    return `${action.vp}: ${toHex(action.payload)}`;
  });
}

test('5.3: the golden contact on connection 4 gets the connection id for all further posts', () => {
  const bench = new VmbusTestbench();
  const contact = fromHex('0e000000 00000000 03000500 00000000 02000000 00000000 00909a01 00000000 00809a01 00000000');
  assert.equal(bench.server.handlePost(4, 1, contact), HypercallStatus.SUCCESS);
  assert.deepEqual(posted(bench), ['0: 0f000000000000000100000001000000']);
  assert.equal(bench.server.handlePost(1, 1, REQUESTOFFERS.encode({})), HypercallStatus.SUCCESS);
  assert.deepEqual(posted(bench), ['0: 0400000000000000']);
  assert.deepEqual(bench.server.snapshot().connection, {
    version: ProtocolVersion.V5_3,
    messageVp: 0,
    featureFlags: 0,
    clientId: undefined,
    offersRequested: true,
  });
});

for (const version of Object.values(ProtocolVersion)) {
  test(`a guest that is told to use 0x${version.toString(16)} at most connects with it`, () => {
    const bench = new VmbusTestbench({ maxVersion: version });
    assert.equal(bench.guest.connect(), version);
    assert.equal(bench.server.snapshot().connection?.version, version);
    assert.deepEqual(bench.guest.requestOffers(), []);
    const refused = bench.guest.received('VERSION_RESPONSE').filter(({ supported }) => supported === 0);
    assert.equal(refused.length, Object.values(ProtocolVersion).filter((other) => other > version).length);
  });
}

test('before 5.0 the response repeats the version', () => {
  const bench = new VmbusTestbench();
  bench.server.handlePost(
    1,
    1,
    INITIATE_CONTACT_BEFORE_5_0.encode({ version: 0x0004_0001, targetVp: 1, interruptPageGpa: 0xffffn }),
  );
  assert.deepEqual(posted(bench), ['1: 0f000000000000000100000001000400']);
});

test('2.4 gets its messages on VP 0, whatever the field says', () => {
  const bench = new VmbusTestbench();
  bench.server.handlePost(1, 1, INITIATE_CONTACT_BEFORE_5_0.encode({ version: 0x0002_0004, targetVp: 77 }));
  assert.deepEqual(posted(bench), ['0: 0f000000000000000100000004000200']);
});

test('6.0 gets the features in force, and of those only what is served', () => {
  const bench = new VmbusTestbench();
  bench.server.handlePost(4, 1, INITIATE_CONTACT.encode({ version: 0x0006_0000, sint: 2, featureFlags: 0xf7 }));
  assert.deepEqual(posted(bench), ['0: 0f00000000000000010000000100000000000000']);
  const clientId = parseGuid('00112233-4455-6677-8899-aabbccddeeff');
  bench.server.handlePost(
    4,
    1,
    INITIATE_CONTACT_WITH_CLIENT.encode({ version: 0x0006_0000, sint: 2, featureFlags: 0xff, clientId }),
  );
  assert.deepEqual(posted(bench), ['0: 0f00000000000000010000000100000008000000']);
  assert.equal(bench.server.snapshot().connection?.clientId, clientId);
});

test('unknown, too old and too new versions are answered, not connected', () => {
  const bench = new VmbusTestbench({ maxVersion: ProtocolVersion.V5_3 });
  for (const version of [0, 0xd, 0x0001_0001, 0x0005_0004, 0x0006_0000, 0xffff_ffff]) {
    bench.server.handlePost(4, 1, INITIATE_CONTACT.encode({ version, sint: 2 }));
    assert.deepEqual(posted(bench), ['0: 0f000000000000000000000000000000']);
    assert.equal(bench.server.snapshot().connection, undefined);
  }
  assert.equal(bench.server.snapshot().events[RefusalCode.versionUnsupported], 6);
});

test('a contact that wants its messages elsewhere is answered on a VP that exists', () => {
  const bench = new VmbusTestbench({ vpCount: 2 });
  bench.server.handlePost(4, 1, INITIATE_CONTACT.encode({ version: 0x0005_0003, targetVp: 2, sint: 2 }));
  assert.deepEqual(posted(bench), ['0: 0f000000000000000002000000000000']);
  bench.server.handlePost(4, 1, INITIATE_CONTACT.encode({ version: 0x0005_0003, targetVp: 1, sint: 5 }));
  assert.deepEqual(posted(bench), ['1: 0f000000000000000002000000000000']);
  bench.server.handlePost(4, 1, INITIATE_CONTACT.encode({ version: 0x0005_0003, targetVp: 1, sint: 2, vtl: 2 }));
  assert.deepEqual(posted(bench), ['1: 0f000000000000000002000000000000']);
  // The VTL counts from 5.1 on.
  bench.server.handlePost(4, 1, INITIATE_CONTACT.encode({ version: 0x0005_0000, targetVp: 1, sint: 2, vtl: 2 }));
  assert.deepEqual(posted(bench), ['1: 0f000000000000000100000001000000']);
});

test('posts elsewhere have no connection, posts of another kind no meaning', () => {
  const bench = new VmbusTestbench();
  const contact = INITIATE_CONTACT.encode({ version: 0x0005_0003, sint: 2 });
  for (const connectionId of [0, 2, 3, 5, 0x80_0074, 0x2001]) {
    assert.equal(bench.server.handlePost(connectionId, 1, contact), HypercallStatus.INVALID_CONNECTION_ID);
  }
  assert.equal(bench.server.handlePost(4, 2, contact), HypercallStatus.INVALID_PARAMETER);
  assert.deepEqual(posted(bench), []);
  assert.equal(bench.server.snapshot().connection, undefined);
});

test('without a connection messages are taken and ignored', () => {
  const bench = new VmbusTestbench();
  assert.equal(bench.server.handlePost(1, 1, REQUESTOFFERS.encode({})), HypercallStatus.SUCCESS);
  assert.deepEqual(posted(bench), []);
  assert.equal(bench.server.snapshot().events[RefusalCode.notConnected], 1);
});

test('offers asked for twice are sent once', () => {
  const bench = new VmbusTestbench();
  bench.guest.connect();
  bench.guest.requestOffers();
  bench.guest.post(REQUESTOFFERS.encode({}));
  assert.equal(bench.guest.received('ALLOFFERS_DELIVERED').length, 1);
  assert.equal(bench.server.snapshot().events[RefusalCode.offersRequestedTwice], 1);
});
