import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fromGuest from './from-guest.ts';
import * as fromHost from './from-host.ts';

const layouts = [...Object.values(fromGuest), ...Object.values(fromHost)];

test('fields lie inside their message, behind its header, and apart', () => {
  for (const { name, sizeBytes, fields } of layouts) {
    let end = 8;
    for (const [field, { offset, sizeBytes: length, meaning }] of Object.entries(fields)) {
      assert.ok(offset >= end, `${name}.${field} at ${offset} overlaps what ends at ${end}`);
      assert.notEqual(meaning, '');
      end = offset + length;
    }
    assert.ok(end <= sizeBytes, `${name} ends at ${end} of ${sizeBytes}`);
  }
});

test('sizes as Linux 6.1 include/linux/hyperv.h has them', () => {
  const sizes = Object.fromEntries(layouts.map(({ name, sizeBytes }) => [name, sizeBytes]));
  const { OFFERCHANNEL, OPENCHANNEL, OPENCHANNEL_RESULT, GPADL_CREATED, GPADL_TEARDOWN, MODIFYCHANNEL } = sizes;
  assert.deepEqual([OFFERCHANNEL, OPENCHANNEL, OPENCHANNEL_RESULT], [196, 148, 20]);
  assert.deepEqual([GPADL_CREATED, GPADL_TEARDOWN, MODIFYCHANNEL], [20, 16, 16]);
  assert.equal(fromGuest.INITIATE_CONTACT.sizeBytes, 40);
  assert.equal(fromHost.VERSION_RESPONSE.sizeBytes, 16);
});

test('a message starts with its type', () => {
  assert.deepEqual(fromHost.ALLOFFERS_DELIVERED.encode({}), Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0));
});

test('decoding fails closed on a short message', () => {
  assert.throws(() => fromHost.GPADL_TORNDOWN.decode(new Uint8Array(11)), RangeError);
});
