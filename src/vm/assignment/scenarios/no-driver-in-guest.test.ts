import assert from 'node:assert/strict';
import { test } from 'node:test';
import { domainOf } from '../../../vpci/index.ts';
import { LendingBench } from '../../testing/lent-function.ts';

test('nobody to ask: no guest has connected, none has opened the channel, or it has only opened it', async () => {
  for (const stage of ['nothing', 'connected', 'opened']) {
    using bench = new LendingBench();
    if (stage !== 'nothing') bench.connect();
    const fn = bench.function();
    const assignment = bench.lend(fn);
    if (stage === 'opened') bench.vmbus.guest.open([...bench.vmbus.guest.offers.keys()][0] ?? 0);
    assert.equal(await bench.assignments.eject(assignment, 60_000), 'not-in-use', stage);
    assert.deepEqual([fn.backend.closed, assignment.revoked], [true, true]);
    bench.vmbus.settle();
    assert.equal(domainOf(bench.lend(bench.function({ name: 'fake1' })).instanceId), 1);
    bench.assignments.rescindAll();
  }
});
