import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { MsiMessage } from './function.ts';
import { MsixTable } from './msix-table.ts';

function tableOf(vectorCount: number) {
  const image = new Uint8Array(16 * vectorCount);
  const pending = new Uint8Array(8 * Math.ceil(vectorCount / 64));
  const told: [number, MsiMessage | undefined][] = [];
  const table = new MsixTable(image, pending, (vector, message) => told.push([vector, message]));
  return { table, image, pending, told };
}

const enabled = { enabled: true, functionMasked: false };

test('after a reset every vector is masked and has no message', () => {
  const { table, told } = tableOf(3);
  for (let vector = 0; vector < 3; vector += 1) {
    assert.equal(table.read(16 * vector, 8), 0n);
    assert.equal(table.read(16 * vector + 8, 8), 1n << 32n);
  }
  assert.deepEqual(told, []);
});

test("a driver's way: program masked, enable, unmask, mask, unmask elsewhere", () => {
  const { table, told } = tableOf(4);
  table.setControl({ enabled: true, functionMasked: true });
  table.write(16, 4, 0xfee0_1000n);
  table.write(20, 4, 0n);
  table.write(24, 4, 0x60n);
  table.setControl(enabled);
  assert.deepEqual(told, []);
  table.write(28, 4, 0n);
  assert.deepEqual(told.splice(0), [[1, { address: 0xfee0_1000n, data: 0x60 }]]);
  table.write(28, 4, 0n);
  assert.deepEqual(told.splice(0), [], 'nothing has changed');
  table.write(28, 4, 1n);
  table.write(16, 8, 0x1_fee0_2000n);
  table.write(24, 8, 0x61n);
  assert.deepEqual(told.splice(0), [
    [1, undefined],
    [1, { address: 0x1_fee0_2000n, data: 0x61 }],
  ]);
});

test('function mask and disabling silence every vector, unmasking brings them back', () => {
  const { table, told } = tableOf(3);
  table.setControl(enabled);
  table.write(12, 4, 0n);
  table.write(44, 4, 0n);
  told.length = 0;
  table.setControl({ enabled: true, functionMasked: true });
  assert.deepEqual(told.splice(0), [
    [0, undefined],
    [2, undefined],
  ]);
  table.setControl({ enabled: false, functionMasked: true });
  assert.deepEqual(told.splice(0), []);
  table.setControl(enabled);
  assert.deepEqual(told.splice(0), [
    [0, { address: 0n, data: 0 }],
    [2, { address: 0n, data: 0 }],
  ]);
  table.reset();
  assert.deepEqual(told.splice(0), [
    [0, undefined],
    [2, undefined],
  ]);
});

test('only implemented bits are kept', () => {
  const { table } = tableOf(1);
  table.write(0, 8, 0xffff_ffff_ffff_ffffn);
  table.write(8, 8, 0xffff_ffff_ffff_ffffn);
  assert.equal(table.read(0, 8), 0xffff_ffff_ffff_fffcn);
  assert.equal(table.read(8, 8), 0x0000_0001_ffff_ffffn);
});

test('accesses that the specification leaves undefined read their bytes or all ones, and write nothing', () => {
  const { table, image } = tableOf(2);
  const before = Uint8Array.from(image);
  table.write(8, 1, 0xffn);
  table.write(8, 2, 0xffn);
  table.write(4, 8, 0xffn);
  table.write(2, 4, 0xffn);
  table.write(32, 4, 0xffn);
  table.write(-4, 4, 0xffn);
  assert.deepEqual(image, before);
  assert.equal(table.read(12, 1), 1n);
  assert.equal(table.read(12, 2), 1n);
  assert.equal(table.read(10, 4), 0xffff_ffff_ffff_ffffn);
  assert.equal(table.read(32, 4), 0xffff_ffff_ffff_ffffn);
});

test('pending bits', () => {
  const { table } = tableOf(70);
  table.setPending(0, true);
  table.setPending(69, true);
  table.setPending(70, true);
  assert.equal(table.readPending(0, 8), 1n);
  assert.equal(table.readPending(8, 8), 0x20n);
  assert.equal(table.isPending(69), true);
  table.setPending(69, false);
  assert.equal(table.readPending(8, 1), 0n);
  table.reset();
  assert.equal(table.isPending(0), false);
});

test('the listener always knows what each vector may fire with, and is told nothing twice', () => {
  const steps = fc.oneof(
    fc.record({
      kind: fc.constant('write' as const),
      dword: fc.integer({ min: 0, max: 19 }),
      sizeBytes: fc.constantFrom(4, 8),
      value: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
    }),
    fc.record({ kind: fc.constant('control' as const), enabled: fc.boolean(), functionMasked: fc.boolean() }),
    fc.record({ kind: fc.constant('reset' as const) }),
  );
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 60 }), (session) => {
      const known: (MsiMessage | undefined)[] = Array.from({ length: 4 });
      const image = new Uint8Array(64);
      const table = new MsixTable(image, new Uint8Array(8), (vector, message) => {
        assert.notDeepEqual(known[vector], message);
        known[vector] = message;
      });
      const words = new DataView(image.buffer);
      let control = { enabled: false, functionMasked: false };
      for (const step of session) {
        if (step.kind === 'write') table.write(step.dword * 4, step.sizeBytes, step.value);
        if (step.kind === 'control') table.setControl((control = step));
        if (step.kind === 'reset') {
          control = { enabled: false, functionMasked: false };
          table.reset();
        }
        for (let vector = 0; vector < 4; vector += 1) {
          const at = 16 * vector;
          const silent = !control.enabled || control.functionMasked || words.getUint32(at + 12, true) !== 0;
          const message = { address: words.getBigUint64(at, true), data: words.getUint32(at + 8, true) };
          assert.deepEqual(known[vector], silent ? undefined : message);
          assert.deepEqual(table.message(vector), known[vector]);
        }
      }
    }),
    { numRuns: 200 },
  );
});
