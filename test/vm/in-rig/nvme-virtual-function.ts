import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createVirtualFunctions,
  dismount,
  mount,
  openHost,
  readVirtualFunctions,
  removeVirtualFunctions,
} from '../../../src/host/index.ts';
import { NVME, withGuest } from './guest.ts';

test('a guest works on a virtual function of an NVMe controller, which goes when the guest is done', async () => {
  const host = openHost('dda test');
  const created = await createVirtualFunctions(host, {
    physicalFunction: NVME,
    count: 2,
    perFunction: [{ queues: 2, interrupts: 1 }],
  });
  const [lent, other] = created.functions;
  assert.ok(lent !== undefined && other !== undefined);
  assert.deepEqual(
    created.functions.map(({ driver, nvme }) => [driver, nvme?.online, nvme?.queues, nvme?.interrupts]),
    [
      ['vfio-pci', true, 2, 1],
      ['vfio-pci', true, 2, 1],
    ],
  );
  await assert.rejects(createVirtualFunctions(host, { physicalFunction: NVME, count: 1 }), {
    code: 'virtual-functions-exist',
  });
  await withGuest({}, async (guest) => {
    await guest.session.add(lent.name);
    await guest.verifyDisk(1);
    await assert.rejects(removeVirtualFunctions(host, NVME, { includeDismounted: true }), {
      code: 'virtual-functions-lent',
    });
    await assert.rejects(dismount(host, [NVME], { force: true }), { code: 'virtual-functions-lent' });
    await assert.rejects(mount(host, [lent.name]), { code: 'function-held' });
    await guest.verifyDisk(2);
    await guest.session.eject(lent.name);
    await guest.until('[ ! -e /dev/nvme0 ]');
    const { functions } = await readVirtualFunctions(host, NVME);
    assert.deepEqual(
      functions.map(({ driver, nvme }) => [driver, nvme?.online]),
      [
        ['vfio-pci', true],
        ['vfio-pci', true],
      ],
      'back in the pool, and still online',
    );
    await guest.session.add(other.name);
    await guest.verifyDisk(3);
    await guest.session.eject(other.name);
    const complaints = await guest.complaints();
    assert.deepEqual(complaints, []);
  });
  await assert.rejects(removeVirtualFunctions(host, NVME), { code: 'virtual-functions-lent' });
  const { removed } = await removeVirtualFunctions(host, NVME, { includeDismounted: true });
  assert.deepEqual(removed, [lent.name, other.name]);
  const after = await readVirtualFunctions(host, NVME);
  assert.deepEqual([after.functions, after.queues, after.interrupts], [[], allFree(8, 2), allFree(4, 1)]);
});

function allFree(total: number, mostPerFunction: number): { total: number; free: number; mostPerFunction: number } {
  return { total, free: total, mostPerFunction };
}
