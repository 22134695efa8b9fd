import assert from 'node:assert/strict';
import { test } from 'node:test';
import { vmLimits } from './vm-limits.ts';

const MIB = 1024 * 1024;
const spec = { kernel: '/boot/vmlinuz', commandLine: '' };

test('a VM of one vCPU, without disks', () => {
  assert.deepEqual(vmLimits({ ...spec, memoryBytes: 512 * MIB, cpuCount: 1 }, []), {
    lockedBytes: 768 * MIB,
    openFiles: 16_384,
    processes: 65,
    fileBytes: 128 * 1024,
    dataBytes: 1600 * MIB,
    group: { processors: 6, memoryBytes: (1600 + 64 + 256 + 8) * MIB, tasks: 66 },
  });
});

test("a large one, with disks: libuv's pool serves them, and those in memory are memory", () => {
  const disks = [
    { sizeBytes: 100_000 * MIB, inMemory: false },
    { sizeBytes: 2048 * MIB, inMemory: true },
    { sizeBytes: 1024 * MIB, inMemory: true },
  ];
  const { fileBytes, dataBytes, group } = vmLimits({ ...spec, memoryBytes: 65_536 * MIB, cpuCount: 16 }, disks);
  assert.equal(fileBytes, 100_000 * MIB);
  assert.equal(dataBytes, (65_536 + 1024 + 16 * 64) * MIB);
  assert.deepEqual(group, {
    processors: 16 + 1 + 4 + 4,
    memoryBytes: dataBytes + (64 + 3072 + 256 + 1024) * MIB,
    tasks: 64 + 16 + 1,
  });
});

test('the group never keeps the process from what its resource limits let it have', () => {
  for (const memoryBytes of [64 * MIB, 384 * MIB + 4096, 1024 * 1024 * MIB]) {
    for (const cpuCount of [1, 2, 16]) {
      const { lockedBytes, dataBytes, processes, group } = vmLimits({ ...spec, memoryBytes, cpuCount }, []);
      assert.ok(Number.isInteger(group.memoryBytes));
      assert.ok(group.memoryBytes > Math.max(lockedBytes, dataBytes));
      assert.ok(group.tasks > processes);
      assert.ok(group.processors > cpuCount);
    }
  }
});
