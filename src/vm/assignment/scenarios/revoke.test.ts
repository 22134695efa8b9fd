import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countOpenFiles } from '../../../linux/index.ts';
import { LendingBench } from '../../testing/lent-function.ts';

test('a function that is rescinded while the guest is being asked: the wait ends at once', async () => {
  using bench = new LendingBench();
  bench.connect();
  const fn = bench.function();
  const assignment = bench.lend(fn);
  const lent = bench.probe();
  lent.enable();
  const ejected = bench.assignments.eject(assignment, 60_000);
  bench.assignments.rescind(assignment);
  assert.equal(fn.backend.closed, true);
  assert.equal(await ejected, 'rescinded');
  bench.vmbus.settle();
  assert.equal(bench.vmbus.guest.offers.size, 0);
});

test('a guest that keeps a function until the deadline stands still while it is taken; one that gives it back does not', async () => {
  using bench = new LendingBench();
  bench.connect();
  const kept = bench.lend();
  bench.probe().enable();
  assert.equal(await bench.assignments.eject(kept, 1), 'deadline');
  assert.deepEqual(bench.rests, { count: 1, now: false });
  bench.vmbus.settle();
  assert.equal(await bench.assignments.eject(bench.lend(bench.function({ name: 'fake1' })), 60_000), 'not-in-use');
  assert.deepEqual(bench.rests, { count: 1, now: false });
});

test('a second revoke, an eject afterwards, and a late word of the function change nothing', async () => {
  using bench = new LendingBench();
  bench.connect();
  const fn = bench.function();
  const assignment = bench.lend(fn);
  bench.probe().enable();
  bench.assignments.rescind(assignment);
  const log = [...fn.backend.log];
  bench.assignments.rescind(assignment);
  assert.equal(await bench.assignments.eject(assignment, 60_000), 'rescinded');
  assignment.barMoved(0, 0xe100_0000);
  assignment.messageChanged(0, { address: 0xfee0_0010n, data: 1 });
  assert.deepEqual([fn.backend.log, bench.deviceSlots], [log, 0]);
});

test('let go of, a function is gone from host and guest alike, and the guest is told afterwards', async () => {
  using bench = new LendingBench();
  bench.connect();
  const fn = bench.function();
  const assignment = bench.lend(fn);
  const lent = bench.probe();
  lent.enable();
  lent.useVector(0, { vector: 0x31, vps: [0] });
  assignment.letGo();
  assert.deepEqual([fn.backend.closed, bench.deviceSlots, bench.vm.irqfds.size], [true, 0, 0]);
  bench.vmbus.settle();
  assert.equal(bench.vmbus.guest.offers.size, 1);
  const log = [...fn.backend.log];
  assignment.barMoved(0, 0xe100_0000);
  assignment.messageChanged(0, { address: 0xfee0_0010n, data: 1 });
  assert.equal(await bench.assignments.eject(assignment, 60_000), 'not-in-use');
  bench.vmbus.settle();
  assert.deepEqual([fn.backend.log, bench.vmbus.guest.offers.size, bench.assignments.live.length], [log, 0, 0]);
});

test('what went wrong when it let go is told by the revoke', () => {
  using bench = new LendingBench();
  const fn = bench.function();
  const assignment = bench.lend(fn);
  fn.quiesce = () => {
    throw new Error('it does not answer');
  };
  assignment.letGo();
  assert.equal(fn.backend.closed, true);
  assert.throws(() => bench.assignments.rescind(assignment), /it does not answer/);
});

test('a function that is taken leaves no descriptor open and no route in use', () => {
  using bench = new LendingBench();
  bench.connect();
  const before = countOpenFiles(process.pid);
  assert.ok(before !== undefined);
  for (const name of ['fake0', 'fake1']) {
    const assignment = bench.lend(bench.function({ name }));
    const lent = bench.probe();
    lent.enable();
    for (let vector = 0; vector < 4; vector++) lent.useVector(vector, { vector: 0x31 + vector, vps: [0] });
    assert.equal(countOpenFiles(process.pid), before + 4);
    assert.deepEqual([...bench.vm.irqfds.values()], [24, 25, 26, 27]);
    bench.assignments.rescind(assignment);
    bench.vmbus.settle();
    assert.equal(countOpenFiles(process.pid), before);
  }
});

test('what a function reports goes to whoever lent it', () => {
  using bench = new LendingBench();
  const fn = bench.function();
  bench.lend(fn);
  fn.backend.events?.releaseRequested();
  fn.backend.events?.failed('the link is down');
  assert.equal(bench.events[0], 'fake0: release requested');
  assert.match(bench.events[1] ?? '', /^fake0: failed: .*the link is down/);
  bench.assignments.rescindAll();
});

test('a step that fails keeps none of the others from being done', () => {
  using bench = new LendingBench();
  bench.connect();
  const fn = bench.function();
  const assignment = bench.lend(fn);
  const lent = bench.probe();
  lent.enable();
  lent.useVector(0, { vector: 0x31, vps: [0] });
  fn.quiesce = () => {
    throw new Error('it does not answer');
  };
  assert.throws(() => bench.assignments.rescind(assignment), /it does not answer/);
  assert.deepEqual([fn.backend.closed, bench.deviceSlots, bench.vm.irqfds.size], [true, 0, 0]);
  assert.equal(bench.assignments.live.length, 0);
  bench.vmbus.settle();
  assert.equal(bench.vmbus.guest.offers.size, 0);
});

test('all functions are taken, whatever becomes of one of them', () => {
  using bench = new LendingBench();
  const functions = ['fake0', 'fake1', 'fake2'].map((name) => bench.function({ name }));
  for (const fn of functions) bench.lend(fn);
  const [, stuck] = functions;
  assert.ok(stuck);
  stuck.quiesce = () => {
    throw new Error('it does not answer');
  };
  assert.throws(() => bench.assignments.rescindAll(), /it does not answer/);
  assert.deepEqual(
    functions.map(({ backend }) => backend.closed),
    [true, true, true],
  );
  bench.assignments.rescindAll();
});
