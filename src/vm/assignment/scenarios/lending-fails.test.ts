import assert from 'node:assert/strict';
import { test } from 'node:test';
import { INTERFACE_ID, instanceId, RecordingDevice } from '../../../vmbus/testing/index.ts';
import { domainOf } from '../../../vpci/index.ts';
import { LendingBench } from '../../testing/lent-function.ts';

/** The bench is as if nothing had been lent, and the next function gets the first domain. */
function assertNothingLeft(bench: LendingBench): void {
  assert.deepEqual([bench.assignments.live.length, bench.deviceSlots, bench.vm.irqfds.size], [0, 0, 0]);
  assert.equal(bench.vmbus.guest.offers.size, 0);
  assert.equal(domainOf(bench.lend(bench.function({ name: 'next' })).instanceId), 1);
  bench.assignments.rescindAll();
}

test('a function that refuses its reset is closed', () => {
  using bench = new LendingBench();
  bench.connect();
  const fn = bench.function();
  fn.backend.refuseWith('no reset');
  assert.throws(() => bench.lend(fn), /no reset/);
  assert.equal(fn.backend.closed, true);
  assertNothingLeft(bench);
});

test('a function whose DMA can not reach the RAM is closed', () => {
  using bench = new LendingBench();
  bench.connect();
  const fn = bench.function();
  fn.backend.mapMemory = () => {
    throw new Error('too little memory may be locked');
  };
  assert.throws(() => bench.lend(fn), /may be locked/);
  assert.deepEqual(fn.backend.log, ['reset', 'disable-vectors', 'bus-master off', 'close']);
  assertNothingLeft(bench);
});

test('a function that can not be offered loses its DMA and is closed', () => {
  using bench = new LendingBench();
  const { server } = bench.vmbus;
  const others = Array.from({ length: 256 }, (_, i) =>
    server.offer({ interfaceId: INTERFACE_ID, instanceId: instanceId(i), device: new RecordingDevice() }),
  );
  const fn = bench.function();
  assert.throws(() => bench.lend(fn), /the guest holds 256 offers/);
  assert.deepEqual([fn.backend.memory, fn.backend.closed], [[], true]);
  for (const offer of others) offer.rescind();
  assertNothingLeft(bench);
});

test('a serial that is none: the function is closed', () => {
  using bench = new LendingBench();
  const fn = bench.function();
  assert.throws(() => bench.lend(fn, -1), RangeError);
  assert.equal(fn.backend.closed, true);
  assertNothingLeft(bench);
});

test('a function that can not be on a bus is closed, and its domain is free', () => {
  using bench = new LendingBench();
  const fn = bench.function();
  Object.defineProperty(fn, 'bars', {
    get: () => {
      throw new Error('no BARs to be seen');
    },
  });
  assert.throws(() => bench.lend(fn), /no BARs to be seen/);
  assert.equal(fn.backend.closed, true);
  assertNothingLeft(bench);
});
