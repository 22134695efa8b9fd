import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MAX_RELID, MIN_RELID, relidOfSignalConnection, signalConnectionId } from './addresses.ts';

test('each relid has a connection of its own for its signals', () => {
  assert.equal(signalConnectionId(MIN_RELID), 0x2001);
  assert.equal(signalConnectionId(MAX_RELID), 0x27ff);
  for (const relid of [MIN_RELID, 2, 1000, MAX_RELID]) {
    assert.equal(relidOfSignalConnection(signalConnectionId(relid)), relid);
  }
});

test('connections beside them are nobody’s', () => {
  for (const connectionId of [0, 1, 4, 0x2000, 0x2800, 0x3001, 0xffff_ffff]) {
    assert.equal(relidOfSignalConnection(connectionId), undefined, `0x${connectionId.toString(16)}`);
  }
});
