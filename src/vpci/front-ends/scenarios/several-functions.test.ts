import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type GuestKind, lentNvme, World } from '../../testing/machine/index.ts';

const KINDS: readonly GuestKind[] = ['linux-style', 'windows-style'];

for (const kind of KINDS) {
  test(`${kind}: two functions on a bus; one is ejected, the other works on`, () => {
    const world = new World({ kind, functions: [lentNvme(0), lentNvme(1)] }).start();
    const { machine, guest, nvme } = world;
    assert.equal(guest.driven, 2, machine.logged.join('; '));
    assert.equal(machine.port.targets.size, 6);
    machine.provider.eject(0);
    world.pass();
    assert.deepEqual(machine.port.ejections, [{ slot: 0, outcome: 'completed' }]);
    assert.deepEqual([guest.driven, nvme.controllers.length, machine.port.targets.size], [1, 1, 3]);
    assert.equal(typeof world.verify(4), 'number');
    world.rescind();
    world.pass();
    assert.ok(world.released);
    assert.equal(world.leaks, '');
  });

  test(`${kind}: a controller that hangs fails its command, and the guest lets go of it all the same`, () => {
    const world = new World({ kind }).start();
    world.lent.hang();
    assert.match(String(world.verify(1)), /no completion of command 0x1 on queue 2/);
    world.machine.provider.eject();
    world.pass();
    assert.deepEqual(world.machine.port.ejections, [{ slot: 0, outcome: 'completed' }]);
    assert.match(world.machine.logged.join(), /not shut down/);
    world.rescind();
    world.pass();
    assert.equal(world.leaks, '');
  });
}
