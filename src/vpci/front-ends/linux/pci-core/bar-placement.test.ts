import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BarPlaces, sizeBars } from './bar-placement.ts';
import type { HostBridge } from './host-bridge.ts';

const LOW = { gpa: 0xe000_1000, sizeBytes: 0x7000 };
const HIGH = { gpa: 0x10_0000_0000, sizeBytes: 0x8000 };
const bar = (sizeBytes: number, kind: 'memory32' | 'memory64' = 'memory32') => ({ index: 0, kind, sizeBytes });

test('places are aligned to their size, and no two lie in one page', () => {
  const places = new BarPlaces({ low: LOW, high: HIGH });
  assert.equal(places.take(bar(0x2000)), 0xe000_2000);
  assert.equal(places.take(bar(0x100)), 0xe000_1000);
  assert.equal(places.take(bar(0x100)), 0xe000_4000);
  assert.equal(places.take(bar(0x2000)), 0xe000_6000, 'up to the end of the window');
  assert.equal(places.take(bar(0x1000)), 0xe000_5000);
  assert.equal(places.take(bar(0x1000)), undefined, 'it is full');
  assert.equal(places.take(bar(0x8000, 'memory64')), 0x10_0000_0000);
  assert.equal(places.take(bar(0x1000, 'memory64')), undefined);
});

test('a place that comes back can be had again; one that nobody has is no matter', () => {
  const places = new BarPlaces({ low: LOW, high: undefined });
  const [first, second] = [places.take(bar(0x2000)), places.take(bar(0x2000))];
  assert.ok(first !== undefined && second !== undefined);
  places.give(0x1234_0000);
  places.give(first);
  assert.equal(places.take(bar(0x2000)), first);
  places.give(second);
  places.give(second);
  assert.equal(places.take(bar(0x2000)), second);
  assert.equal(places.take(bar(0x2000, 'memory64')), undefined, 'there is no window for those');
});

/** A function's registers: six BARs that size as `masks` say, command, and what was written in order. */
function registers(masks: readonly number[]) {
  const values = new Map<number, number>([[4, 0x0406]]);
  const commands: number[] = [];
  const bridge = {
    readConfig: (_slot: number, offset: number) => values.get(offset) ?? 0,
    writeConfig: (_slot: number, offset: number, _sizeBytes: number, value: number) => {
      if (offset === 4) commands.push(value);
      else assert.equal((values.get(4) ?? 0) & 2, 0, 'a BAR is written while it decodes');
      const mask = masks[(offset - 0x10) / 4];
      values.set(offset, mask === undefined ? value : (value & mask) >>> 0);
    },
  };
  return { bridge: bridge as unknown as HostBridge, values, commands };
}

test('memory of either width is sized; ports, empty registers and upper halves are not', () => {
  const { bridge, values, commands } = registers([0xffff_c004, 0xffff_ffff, 0, 0xffff_ff01, 0xffff_f000, 0xfff0_0008]);
  values.set(0x10, 0x8000_0004);
  values.set(0x14, 0x12);
  assert.deepEqual(sizeBars(bridge, 0), [
    { index: 0, kind: 'memory64', sizeBytes: 0x4000 },
    { index: 4, kind: 'memory32', sizeBytes: 0x1000 },
    { index: 5, kind: 'memory32', sizeBytes: 0x10_0000 },
  ]);
  assert.deepEqual([values.get(0x10), values.get(0x14)], [0x8000_0004, 0x12], 'as before');
  assert.deepEqual(commands, [0x0404, 0x0406], 'memory decoding off meanwhile, the rest as it was');
});

test('a last register that says it has 64 bits has no upper half: it is taken for one of 32', () => {
  const { bridge } = registers([0, 0, 0, 0, 0, 0xffff_f004]);
  assert.deepEqual(sizeBars(bridge, 0), [{ index: 5, kind: 'memory32', sizeBytes: 0x1000 }]);
});
