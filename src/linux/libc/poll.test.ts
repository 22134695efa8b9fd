import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventFd } from '../eventfd.ts';
import { waitReadable } from './poll.ts';

test('tells which descriptors can be read, or that time is up', () => {
  const [one, other] = [EventFd.create(), EventFd.create()];
  assert.deepEqual(waitReadable([one.fd, other.fd], 0), []);
  other.signal();
  assert.deepEqual(waitReadable([one.fd, other.fd], -1), [other.fd]);
  one.signal();
  assert.deepEqual(waitReadable([one.fd, other.fd], -1), [one.fd, other.fd]);
  one.close();
  other.close();
});
