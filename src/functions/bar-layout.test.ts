import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { layOutBar, pagesAround } from './bar-layout.ts';
import type { ByteRange } from './bar-layout.ts';

function at(offsetBytes: number, sizeBytes: number): ByteRange {
  return { offsetBytes, sizeBytes };
}

function parts(...layout: Parameters<typeof layOutBar>): [string, number, number][] {
  return layOutBar(...layout).map((part) => [part.access, part.offsetBytes, part.sizeBytes]);
}

test("QEMU's NVMe controller: registers and doorbells direct, table and pending bits trapped", () => {
  assert.deepEqual(parts(0x4000, [at(0, 0x4000)], [at(0x2000, 256), at(0x3000, 8)]), [
    ['direct', 0, 0x2000],
    ['trapped', 0x2000, 0x2000],
  ]);
});

test('a table in the middle leaves two direct parts', () => {
  assert.deepEqual(parts(0x10000, [at(0, 0x10000)], [at(0x4ff0, 32)]), [
    ['direct', 0, 0x4000],
    ['trapped', 0x4000, 0x2000],
    ['direct', 0x6000, 0xa000],
  ]);
});

test('what the host cannot map is trapped', () => {
  assert.deepEqual(parts(0x1000, [], []), [['trapped', 0, 0x1000]]);
  assert.deepEqual(parts(0x4000, [at(0x1000, 0x1000), at(0x3000, 0x1000)], []), [
    ['trapped', 0, 0x1000],
    ['direct', 0x1000, 0x1000],
    ['trapped', 0x2000, 0x1000],
    ['direct', 0x3000, 0x1000],
  ]);
});

test('parts of pages are not mapped', () => {
  assert.deepEqual(parts(0x3000, [at(0x800, 0x2000)], []), [
    ['trapped', 0, 0x1000],
    ['direct', 0x1000, 0x1000],
    ['trapped', 0x2000, 0x1000],
  ]);
});

test('pages around ranges are joined', () => {
  assert.deepEqual(pagesAround([at(0x3800, 8), at(0x2000, 0x1000), at(0x8000, 16)]), [
    at(0x2000, 0x2000),
    at(0x8000, 0x1000),
  ]);
});

const ranges = fc.array(
  fc.tuple(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 1, max: 0x5000 })).map(([a, b]) => at(a, b)),
  { maxLength: 5 },
);

test('a BAR is covered wholly, in whole pages, and no direct page holds an emulated byte or an unmappable one', () => {
  fc.assert(
    fc.property(ranges, ranges, (mappable, emulated) => {
      let end = 0;
      for (const part of layOutBar(0x10000, mappable, emulated)) {
        assert.equal(part.offsetBytes, end);
        assert.equal(part.offsetBytes % 4096, 0);
        assert(part.sizeBytes > 0 && part.sizeBytes % 4096 === 0);
        end += part.sizeBytes;
        if (part.access === 'trapped') continue;
        assert(
          emulated.every(
            (range) => range.offsetBytes + range.sizeBytes <= part.offsetBytes || range.offsetBytes >= end,
          ),
        );
        assert(
          mappable.some((range) => range.offsetBytes <= part.offsetBytes && range.offsetBytes + range.sizeBytes >= end),
        );
      }
      assert.equal(end, 0x10000);
    }),
  );
});
