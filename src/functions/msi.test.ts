import assert from 'node:assert/strict';
import { test } from 'node:test';
import { msiMessages } from './msi.ts';

const state = { enabled: true, vectorCount: 1, address: 0xfee0_0000n, data: 0x60, maskBits: 0 };

test('one vector', () => {
  assert.deepEqual(msiMessages(state), [{ address: 0xfee0_0000n, data: 0x60 }]);
});

test('a block of vectors: the function puts the vector number into the low bits of data', () => {
  const data = msiMessages({ ...state, vectorCount: 4, data: 0x62 }).map((message) => message?.data);
  assert.deepEqual(data, [0x60, 0x61, 0x62, 0x63]);
});

test('masked vectors are silent, up to the last of 32', () => {
  const messages = msiMessages({ ...state, vectorCount: 32, maskBits: 0x8000_0002 });
  assert.equal(messages.length, 32);
  assert.deepEqual(
    messages.flatMap((message, vector) => (message === undefined ? [vector] : [])),
    [1, 31],
  );
});

test('disabled MSI has no messages', () => {
  assert.deepEqual(msiMessages({ ...state, enabled: false }), []);
});
