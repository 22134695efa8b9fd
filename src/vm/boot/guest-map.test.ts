import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BootError } from './boot-error.ts';
import { planGuestMap } from './guest-map.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const refuses = (options: Parameters<typeof planGuestMap>[0], code: string): void => {
  assert.throws(
    () => planGuestMap(options),
    (error) => error instanceof BootError && error.code === code,
  );
};

test('512 MiB: all low', () => {
  assert.deepEqual(planGuestMap({ memoryBytes: 512 * MIB, physicalAddressBits: 40 }), {
    memoryBytes: 512 * MIB,
    lowRamEnd: 0x20000000,
    highRamBytes: 0,
    lowWindow: { gpa: 0xe0000000, sizeBytes: 256 * MIB },
    highWindow: { gpa: 64 * GIB, sizeBytes: 4 * GIB },
    e820: [
      { gpa: 0, sizeBytes: 0x9fc00, type: 1 },
      { gpa: 0xe0000, sizeBytes: 0x20000, type: 2 },
      { gpa: 0x100000, sizeBytes: 0x1ff00000, type: 1 },
    ],
  });
});

test('6 GiB: three low, three from 4 GiB on', () => {
  const map = planGuestMap({ memoryBytes: 6 * GIB, physicalAddressBits: 40 });
  assert.equal(map.lowRamEnd, 3 * GIB);
  assert.equal(map.highRamBytes, 3 * GIB);
  assert.deepEqual(map.e820.slice(2), [
    { gpa: 0x100000, sizeBytes: 3 * GIB - MIB, type: 1 },
    { gpa: 4 * GIB, sizeBytes: 3 * GIB, type: 1 },
  ]);
});

test('the high window: as large as its devices need, a power of two, aligned, above all RAM', () => {
  const window = (memoryGib: number, highWindowBytes: number, physicalAddressBits = 46): unknown =>
    planGuestMap({ memoryBytes: memoryGib * GIB, physicalAddressBits, highWindowBytes }).highWindow;
  assert.deepEqual(window(1, 5 * GIB), { gpa: 64 * GIB, sizeBytes: 8 * GIB });
  assert.deepEqual(window(1, 128 * GIB), { gpa: 128 * GIB, sizeBytes: 128 * GIB });
  assert.deepEqual(window(100, 0), { gpa: 104 * GIB, sizeBytes: 4 * GIB });
  assert.deepEqual(window(20, 0, 36), { gpa: 24 * GIB, sizeBytes: 4 * GIB }, 'a narrow processor has it below 64 GiB');
});

test('memory of an impossible size', () => {
  for (const memoryBytes of [0, -4096, 63 * MIB, 64 * MIB + 1, Number.NaN, 2 ** 60]) {
    refuses({ memoryBytes, physicalAddressBits: 40 }, 'memory-size');
  }
});

test('no room for the high window', () => {
  refuses({ memoryBytes: 62 * GIB, physicalAddressBits: 36 }, 'mmio-windows-do-not-fit');
  refuses({ memoryBytes: GIB, physicalAddressBits: 36, highWindowBytes: 64 * GIB }, 'mmio-windows-do-not-fit');
  refuses({ memoryBytes: 1008 * GIB, physicalAddressBits: 48 }, 'mmio-windows-do-not-fit');
});

test('whatever the size: RAM adds up, and nothing overlaps', () => {
  const sizes = fc.record({
    memoryBytes: fc.integer({ min: 64 * 256, max: 2 ** 28 }).map((pages) => pages * 4096),
    physicalAddressBits: fc.integer({ min: 36, max: 52 }),
    highWindowBytes: fc.nat(2 ** 40),
  });
  fc.assert(
    fc.property(sizes, (options) => {
      let map: ReturnType<typeof planGuestMap>;
      try {
        map = planGuestMap(options);
      } catch (error) {
        assert.ok(error instanceof BootError && error.code === 'mmio-windows-do-not-fit', String(error));
        return;
      }
      assert.equal(map.lowRamEnd + map.highRamBytes, options.memoryBytes);
      const ranges = [...map.e820, map.lowWindow, map.highWindow].map(
        ({ gpa, sizeBytes }) => [gpa, gpa + sizeBytes] as const,
      );
      ranges.sort(([a], [b]) => a - b);
      ranges.forEach(([start, end], index) => assert.ok(start < end && start >= (ranges[index - 1]?.[1] ?? 0)));
      assert.ok(map.highWindow.sizeBytes >= options.highWindowBytes);
      assert.equal(map.highWindow.gpa % map.highWindow.sizeBytes, 0);
      assert.ok((ranges.at(-1)?.[1] ?? 0) <= 2 ** options.physicalAddressBits);
    }),
  );
});
