import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmbusTestbench } from '../../../vmbus/testing/index.ts';
import { LifeOverRings } from '../../testing/machine/index.ts';

for (const kind of ['linux-style', 'windows-style'] as const) {
  test(`${kind}: the whole life over a VMBus server and rings in guest memory`, () => {
    const life = new LifeOverRings(kind, new VmbusTestbench());
    const { machine } = life;
    life.start();
    assert.equal(life.verify(4), 4 * 2 * 64 * 512);
    life.eject();
    assert.deepEqual(machine.port.ejections, [{ slot: 0, outcome: 'completed' }]);
    life.rescind();
    assert.deepEqual([life.released, machine.port.releases], [1, 1]);
    assert.deepEqual(machine.hardware.taken, { ranges: 0, buffers: 0, vectors: 0 });
  });
}
