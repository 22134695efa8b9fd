import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BarResource, decodeBarResources, encodeBarResources, misplacedBar } from './bar-resources.ts';
import { hex } from './testing/bytes.ts';

const six = (resource: BarResource): (BarResource | undefined)[] => [
  resource,
  undefined,
  undefined,
  undefined,
  undefined,
  undefined,
];

test('memory, and the three size classes of large memory', () => {
  const cases: readonly (readonly [bigint, string])[] = [
    [0x4000n, '03 00 0000 0000000010000000 00400000 00000000'],
    [0xffff_ffffn, '03 00 0000 0000000010000000 ffffffff 00000000'],
    [1n << 32n, '07 00 0002 0000000010000000 00000001 00000000'],
    [1n << 40n, '07 00 0004 0000000010000000 00000001 00000000'],
    [1n << 48n, '07 00 0008 0000000010000000 00000100 00000000'],
  ];
  for (const [lengthBytes, bytes] of cases) {
    const resources = six({ address: 0x10_0000_0000n, lengthBytes });
    assert.deepEqual(encodeBarResources(resources), hex(bytes, 120), lengthBytes.toString(16));
    assert.deepEqual(decodeBarResources(hex(bytes, 120)), resources);
  }
});

test('a length of zero is no resource', () => {
  assert.deepEqual(decodeBarResources(hex('03 00 0000 0000000010000000', 120)), Array(6).fill(undefined));
});

test('what is no memory is told', () => {
  assert.equal(
    decodeBarResources(hex('01 00 0000 0000000010000000 00400000', 120)),
    'resource 0 has type 1, which is no memory',
  );
  assert.equal(
    decodeBarResources(hex('07 00 0000 0000000010000000 00400000', 120)),
    'resource 0 is large memory without a size class',
  );
});

test('places that a BAR cannot have are told', () => {
  const bars = [
    { index: 0, kind: 'memory64', prefetchable: false, sizeBytes: 0x4000 },
    { index: 2, kind: 'memory32', prefetchable: false, sizeBytes: 0x1000 },
  ] as const;
  const at = (index: number, address: bigint, lengthBytes: bigint) =>
    misplacedBar(
      Array.from({ length: 6 }, (_, i) => (i === index ? { address, lengthBytes } : undefined)),
      bars,
    );
  assert.equal(at(0, 0x10_0000_4000n, 0x4000n), undefined);
  assert.equal(at(2, 0xffff_f000n, 0x1000n), undefined);
  assert.match(at(1, 0x4000n, 0x4000n) ?? '', /no BAR 1/);
  assert.match(at(0, 0x10_0000_2000n, 0x2000n) ?? '', /not aligned/);
  assert.match(at(0, 0x10_0000_4000n, 0x8000n) ?? '', /16384 bytes/);
  assert.match(at(2, 0x1_0000_0000n, 0x1000n) ?? '', /too high/);
});

test('a length between two sizes is told rounded up to units of its class', () => {
  const length = (1n << 40n) + 1n;
  const [told] = decodeBarResources(encodeBarResources(six({ address: 0n, lengthBytes: length })));
  assert.deepEqual(told, { address: 0n, lengthBytes: (1n << 40n) + (1n << 16n) });
  const most = 0xffff_ffffn << 8n;
  assert.deepEqual(
    decodeBarResources(encodeBarResources(six({ address: 0n, lengthBytes: most }))),
    six({ address: 0n, lengthBytes: most }),
  );
});
