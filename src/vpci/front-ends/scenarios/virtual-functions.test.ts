import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStorage, NvmeSubsystem } from '../../../functions/index.ts';
import { plainPages } from '../../../functions/testing/index.ts';
import { assignToSecondary, bringSecondaryOnline, NvmeResource, takeSecondaryOffline } from '../../../linux/index.ts';
import { type GuestKind, World } from '../../testing/machine/index.ts';

const KINDS: readonly GuestKind[] = ['linux-style', 'windows-style'];
const MIB = 2 ** 20;
/** Of the SR-IOV capability: NumVFs, control. */
const [numVfs, control] = [0x10, 0x08];

/** A physical function with two virtual ones, which its owner has turned on. */
function subsystem(): { readonly nvme: NvmeSubsystem; readonly storage: MemoryStorage } {
  const storage = new MemoryStorage(MIB);
  const nvme = new NvmeSubsystem(
    {
      name: 'disk0',
      serialNumber: 'SERIAL',
      qualifiedName: 'nqn.2014-08.org.nvmexpress:uuid:0',
      namespaces: [{ storage, uuid: new Uint8Array(16).fill(1) }],
      queuePairs: 2,
      shared: {
        virtualFunctions: 2,
        flexible: { queues: 6, interrupts: 6 },
        mostPerSecondary: { queues: 3, interrupts: 3 },
      },
    },
    plainPages,
  );
  nvme.sriov.write(numVfs, 2, 2);
  nvme.sriov.write(control, 2, 1);
  for (const id of [1, 2]) {
    for (const command of [
      assignToSecondary(id, NvmeResource.queues, 3),
      assignToSecondary(id, NvmeResource.interrupts, 3),
      bringSecondaryOnline(id),
    ]) {
      assert.equal(nvme.manage(command.cdw10, command.cdw11).status, 0);
    }
  }
  return { nvme, storage };
}

for (const kind of KINDS) {
  const guestWith = (nvme: NvmeSubsystem, number: number): World =>
    new World({
      kind,
      functions: [{ slot: 0, make: () => nvme.virtualFunction(number) }],
    }).start();

  test(`${kind}: two guests, each with a virtual function, work on one disk`, () => {
    const { nvme, storage } = subsystem();
    const worlds = [guestWith(nvme, 1), guestWith(nvme, 2)];
    for (const [index, world] of worlds.entries()) {
      assert.equal(world.guest.driven, 1, world.machine.logged.join('; '));
      for (const seed of [1, 2, 3]) assert.equal(typeof world.verify(seed + 8 * index), 'number');
      assert.equal(world.nvme.controllers[0]?.queues.length, 2);
    }
    assert.ok(
      storage.bytes.some((byte) => byte !== 0),
      'the namespace is the same',
    );
    const [first, second] = worlds;
    assert.ok(first && second);
    first.machine.provider.eject();
    first.pass();
    assert.deepEqual(first.machine.port.ejections, [{ slot: 0, outcome: 'completed' }]);
    assert.equal(typeof second.verify(5), 'number', 'the other goes on');
    second.rescind(true);
    second.pass();
    for (const world of worlds) world.machine.close();
    assert.equal(second.leaks, '');
  });

  test(`${kind}: a virtual function that its owner takes offline has failed, and works again when it is online`, () => {
    const { nvme } = subsystem();
    const world = guestWith(nvme, 1);
    const other = guestWith(nvme, 2);
    assert.equal(typeof world.verify(1), 'number');
    const offline = takeSecondaryOffline(1);
    assert.equal(nvme.manage(offline.cdw10, offline.cdw11).status, 0);
    assert.match(String(world.verify(2)), /fatal error/);
    assert.throws(() => nvme.virtualFunction(1), /no virtual function 1 that is online/);
    assert.equal(typeof other.verify(3), 'number');
    for (const command of [
      assignToSecondary(1, NvmeResource.queues, 3),
      assignToSecondary(1, NvmeResource.interrupts, 3),
      bringSecondaryOnline(1),
    ]) {
      assert.equal(nvme.manage(command.cdw10, command.cdw11).status, 0);
    }
    world.guest.leave();
    world.pass();
    world.start();
    assert.equal(typeof world.verify(4), 'number', world.machine.logged.join('; '));
    for (const each of [world, other]) each.machine.close();
  });

  test(`${kind}: VF Enable cleared: no virtual function works any more`, () => {
    const { nvme } = subsystem();
    const world = guestWith(nvme, 2);
    nvme.sriov.write(control, 2, 0);
    assert.match(String(world.verify(2)), /fatal error/);
    world.machine.close();
  });
}
