import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStorage, SoftwareNvme } from '../../../functions/index.ts';
import { plainPages } from '../../../functions/testing/index.ts';
import { EventFd } from '../../../linux/index.ts';
import { type GuestKind, World } from '../../testing/machine/index.ts';

const KINDS: readonly GuestKind[] = ['linux-style', 'windows-style'];
const MIB = 2 ** 20;

/** The controller that VMs are given, in place of the tests' model. */
function softwareNvme(): SoftwareNvme {
  return new SoftwareNvme(
    {
      name: 'disk0',
      serialNumber: 'SERIAL',
      qualifiedName: 'nqn.2014-08.org.nvmexpress:uuid:0',
      namespaces: [{ storage: new MemoryStorage(MIB), uuid: new Uint8Array(16).fill(1) }],
      queuePairs: 2,
    },
    plainPages,
  );
}

for (const kind of KINDS) {
  test(`${kind}: verified I/O on the software controller, rest and back, eject, let go`, () => {
    const functions = [{ slot: 0, make: softwareNvme }];
    const world = new World({ kind, functions, makeEvent: () => EventFd.create() }).start();
    const { machine, guest, nvme } = world;
    assert.equal(guest.driven, 1, machine.logged.join('; '));
    for (let seed = 0; seed < 6; seed += 1) assert.equal(typeof world.verify(seed), 'number', `seed ${seed}`);
    const [controller] = nvme.controllers;
    assert.ok(controller);
    assert.equal(controller.namespace.blockCount * controller.namespace.blockBytes, MIB);
    guest.sleep();
    world.pass();
    guest.wake();
    world.pass();
    assert.equal(typeof world.verify(9), 'number');
    assert.equal(machine.provider.eject(), 'sent');
    world.pass();
    assert.deepEqual(machine.port.ejections, [{ slot: 0, outcome: 'completed' }]);
    world.rescind();
    world.pass();
    assert.ok(world.released);
    assert.equal(world.leaks, '');
    machine.close();
  });
}
