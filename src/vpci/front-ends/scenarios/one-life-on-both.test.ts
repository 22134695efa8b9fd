import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type GuestKind, World } from '../../testing/machine/index.ts';
import { formatVersion, VpciVersion } from '../../wire/version.ts';

const KINDS: readonly GuestKind[] = ['linux-style', 'windows-style'];

for (const kind of KINDS) {
  for (const version of Object.values(VpciVersion)) {
    test(`${kind}, ${formatVersion(version)}: verified I/O, rest and back, eject, let go`, () => {
      const world = new World({ kind, maxVersion: version }).start();
      const { machine, guest, nvme } = world;
      assert.equal(guest.version, version);
      assert.equal(guest.driven, 1);
      for (let seed = 0; seed < 6; seed += 1) assert.equal(typeof world.verify(seed), 'number', `seed ${seed}`);
      const [controller] = nvme.controllers;
      assert.equal(controller?.model, 'dda software NVMe');
      assert.deepEqual(controller.namespace, { id: 1, blockBytes: 512, blockCount: 4096 });
      for (const queue of controller.queues) assert.ok(queue.interrupts.useful > 0, `queue ${queue.id} had interrupts`);

      guest.sleep();
      world.pass();
      guest.wake();
      world.pass();
      assert.equal(guest.driven, 1, machine.logged.join('; '));
      assert.equal(typeof world.verify(9), 'number');

      assert.equal(machine.provider.eject(), 'sent');
      world.pass();
      assert.deepEqual(machine.port.ejections, [{ slot: 0, outcome: 'completed' }]);
      assert.equal(guest.driven, 0);
      assert.equal(machine.port.targets.size, 0);
      world.rescind();
      world.pass();
      assert.ok(world.released);
      assert.equal(guest.holdsBus, false);
      assert.equal(world.leaks, '');
      assert.equal(machine.counts.lostInterrupts, 0);
      machine.close();
    });
  }

  test(`${kind}: the guest lets go by itself, and comes back`, () => {
    const world = new World({ kind }).start();
    world.guest.leave();
    world.pass();
    assert.equal(world.guest.holdsBus, false);
    assert.equal(world.leaks, '');
    assert.equal(world.machine.provider.snapshot().connection, 'closed');
    world.start();
    assert.equal(typeof world.verify(1), 'number');
  });

  test(`${kind}: the function is pulled out during I/O`, () => {
    const world = new World({ kind }).start();
    world.lent.hang();
    const [controller] = world.nvme.controllers;
    let ended: unknown;
    world.machine.threads.spawn(
      'I/O',
      (function* () {
        try {
          yield* controller?.read(0, 4096) ?? [];
        } catch (error) {
          ended = error;
        }
      })(),
    );
    world.rescind(true);
    world.pass();
    assert.match(String(ended), /the function is gone/);
    assert.ok(world.released);
    assert.equal(world.leaks, '');
  });

  test(`${kind}: a host that speaks no version of this guest's`, () => {
    const versions = [VpciVersion.V1_4];
    const world = new World({ kind, maxVersion: VpciVersion.V1_1, linux: { versions }, windows: { versions } }).start();
    assert.equal(world.guest.holdsBus, false);
    assert.equal(world.leaks, '');
  });
}
