import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeRouting, irqchipRoutes } from './gsi-routing.ts';

test('a route to an MSI and one to a pin, byte by byte', () => {
  const bytes = encodeRouting([
    { gsi: 24, to: 'msi', address: 0x0000_0100_fee0_1000n, data: 0x4041 },
    { gsi: 9, to: 'pic-slave', pin: 1 },
  ]);
  const words = new Uint32Array(bytes.buffer);
  assert.equal(bytes.byteLength, 8 + 2 * 48);
  assert.deepEqual([...words.subarray(0, 2)], [2, 0]);
  assert.deepEqual([...words.subarray(2, 14)], [24, 2, 0, 0, 0xfee0_1000, 0x100, 0x4041, 0, 0, 0, 0, 0]);
  assert.deepEqual([...words.subarray(14, 26)], [9, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0]);
});

test('the chips’ own routes: each ISA interrupt has two ends, the others one', () => {
  const routes = irqchipRoutes();
  assert.equal(routes.length, 16 * 2 + 8);
  assert.deepEqual(
    routes.filter((route) => route.gsi === 12),
    [
      { gsi: 12, to: 'pic-slave', pin: 4 },
      { gsi: 12, to: 'io-apic', pin: 12 },
    ],
  );
  assert.deepEqual(
    routes.filter((route) => route.gsi === 23),
    [{ gsi: 23, to: 'io-apic', pin: 23 }],
  );
});
