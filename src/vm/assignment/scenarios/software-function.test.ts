import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStorage, SoftwareNvme } from '../../../functions/index.ts';
import { ones } from '../../testing/device-bench.ts';
import { BAR, CONFIG, LendingBench, LentFunction } from '../../testing/lent-function.ts';

const MEMORY_AND_MASTER = 0x6;

/** Where things are in the guest's memory. */
const At = { adminSubmission: 0x1000, adminCompletion: 0x2000, shadow: 0x7000, eventIndex: 0x8000 } as const;

function disk(bench: LendingBench): SoftwareNvme {
  return new SoftwareNvme(
    {
      name: 'disk0',
      serialNumber: 'SERIAL',
      qualifiedName: 'nqn.2014-08.org.nvmexpress:uuid:0',
      namespaces: [{ storage: new MemoryStorage(2 ** 20), uuid: new Uint8Array(16).fill(1) }],
      queuePairs: 2,
    },
    bench.pages.allocate,
  );
}

function submit(bench: LendingBench, index: number, dwords: Readonly<Record<number, number>>): void {
  const bytes = new Uint8Array(64);
  for (const [dword, value] of Object.entries(dwords))
    new DataView(bytes.buffer).setUint32(4 * Number(dword), value, true);
  bench.services.ram.copyIn(At.adminSubmission + 64 * index, bytes);
  bench.write(BAR + 0x1000, 4, BigInt(index + 1));
}

function enabled(bench: LendingBench): LentFunction {
  const lent = bench.probe();
  lent.enable();
  assert.equal(bench.read(CONFIG + 4, 2), BigInt(MEMORY_AND_MASTER));
  bench.write(BAR + 0x24, 4, 0x000f_000fn);
  bench.write(BAR + 0x28, 8, BigInt(At.adminSubmission));
  bench.write(BAR + 0x30, 8, BigInt(At.adminCompletion));
  bench.write(BAR + 0x14, 4, 0x0046_0001n);
  assert.equal(bench.read(BAR + 0x1c, 4), 1n);
  submit(bench, 0, { 0: 0x05, 6: 0x6000, 10: 0x000f_0001, 11: 1 });
  submit(bench, 1, { 0: 0x01, 6: 0x5000, 10: 0x000f_0001, 11: 0x0001_0001 });
  submit(bench, 2, { 0: 0x7c, 6: At.shadow, 8: At.eventIndex });
  return lent;
}

test('a controller of software is lent as any function: its doorbells are with KVM while they are where they are', () => {
  using bench = new LendingBench();
  bench.connect();
  const assignment = bench.assignments.lend(disk(bench), 1);
  bench.vmbus.settle();
  enabled(bench);
  assert.deepEqual([...bench.vm.doorbells.keys()], [BAR + 0x1008]);
  bench.write(CONFIG + 4, 2, 0n);
  assert.equal(bench.vm.doorbells.size, 0, 'not decoded');
  bench.write(CONFIG + 4, 2, BigInt(MEMORY_AND_MASTER));
  assert.deepEqual([...bench.vm.doorbells.keys()], [BAR + 0x1008]);
  bench.write(BAR + 0x14, 4, 0x0046_0000n);
  assert.equal(bench.vm.doorbells.size, 0, 'disabled');
  bench.assignments.rescind(assignment);
});

test('taken away in the middle of its work: no doorbell, no slot, no answer is left', () => {
  using bench = new LendingBench();
  bench.connect();
  const assignment = bench.assignments.lend(disk(bench), 1);
  bench.vmbus.settle();
  enabled(bench);
  bench.assignments.rescind(assignment);
  bench.vmbus.settle();
  assert.deepEqual([bench.vm.doorbells.size, bench.deviceSlots, bench.vm.irqfds.size], [0, 0, 0]);
  assert.equal(bench.read(BAR + 0x1c, 4), ones(4));
  assert.deepEqual(bench.events, []);
});
