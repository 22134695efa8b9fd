import assert from 'node:assert/strict';
import { test } from 'node:test';
import { domainOf } from '../../../vpci/index.ts';
import { ones } from '../../testing/device-bench.ts';
import { BAR, CONFIG, LendingBench, MSIX_TABLE } from '../../testing/lent-function.ts';

test('at the deadline the function is taken: the guest reaches nothing of it, and what it pokes does not fault', async () => {
  using bench = new LendingBench();
  const fn = bench.function();
  bench.connect();
  bench.vmbus.guest.releasesRescinded = false;
  const assignment = bench.lend(fn);
  const lent = bench.probe();
  lent.enable();
  lent.useVector(0, { vector: 0x31, vps: [0] });

  assert.equal(await bench.assignments.eject(assignment, 1), 'deadline');
  bench.vmbus.settle();
  assert.equal(lent.asked, true);
  for (const gpa of [CONFIG, CONFIG + 0x10, BAR, BAR + 0x1ffc, MSIX_TABLE]) {
    bench.write(gpa, 4, 0n);
    assert.equal(bench.read(gpa, 4), ones(4));
  }
  assert.deepEqual([bench.deviceSlots, bench.vm.irqfds.size, fn.backend.connected.size], [0, 0, 0]);
  assert.deepEqual(fn.backend.log.slice(-4), ['disable-vectors', 'bus-master off', 'unmap-memory', 'close']);
});

test('a guest that holds on to the rescinded offer keeps its domain, and is lent the function again all the same', () => {
  using bench = new LendingBench();
  bench.connect();
  bench.vmbus.guest.releasesRescinded = false;
  const first = bench.lend();
  bench.probe();
  bench.assignments.rescind(first);
  bench.vmbus.settle();
  const second = bench.lend(bench.function({ name: 'fake1' }));
  assert.deepEqual(
    [first, second].map(({ instanceId }) => domainOf(instanceId)),
    [1, 2],
  );
  bench.probe().enable();
  assert.equal(bench.read(BAR, 4), 0n);
  bench.assignments.rescindAll();
});

test('a deadline of years does not come at once', async () => {
  using bench = new LendingBench();
  bench.connect();
  const assignment = bench.lend();
  const lent = bench.probe();
  let outcome: string | undefined;
  const ejected = bench.assignments.eject(assignment, Number.POSITIVE_INFINITY).then((value) => {
    outcome = value;
  });
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(outcome, undefined);
  bench.vmbus.settle();
  lent.letGo();
  await ejected;
  assert.equal(outcome, 'ejected');
});

test('asked twice, the guest is told once, and both wait for the same answer', async () => {
  using bench = new LendingBench();
  bench.connect();
  const assignment = bench.lend();
  const lent = bench.probe();
  const both = [assignment.eject(60_000), assignment.eject(60_000)];
  assert.equal(await assignment.eject(1), 'deadline', 'each has its own deadline');
  bench.vmbus.settle();
  lent.letGo();
  assert.deepEqual(await Promise.all(both), ['ejected', 'ejected']);
  assert.equal(lent.driver.told.filter(({ kind }) => kind === 'eject').length, 1);
  bench.assignments.rescindAll();
});

test('a guest that closes the channel, as one that reboots, has let go', async () => {
  using bench = new LendingBench();
  bench.connect();
  const assignment = bench.lend();
  const lent = bench.probe();
  const ejected = bench.assignments.eject(assignment, 60_000);
  lent.driver.channel.close();
  assert.equal(await ejected, 'ejected');
  assert.equal(assignment.revoked, true);
  assert.equal(await assignment.eject(60_000), 'ejected', 'asked once more, how it ended is no other');
});
