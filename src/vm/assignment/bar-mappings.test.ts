import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FunctionBorrower } from '../../functions/index.ts';
import { FakeCapability, type FakeFunction } from '../../functions/testing/index.ts';
import { DeviceBench, ones } from '../testing/device-bench.ts';
import { BarMappings } from './bar-mappings.ts';

const BAR = 0xe100_0000;
const nobody: FunctionBorrower = {
  barMoved: () => undefined,
  imageAccessChanged: () => undefined,
  doorbellsChanged: () => undefined,
  messageChanged: () => undefined,
  releaseRequested: () => undefined,
  failed: () => undefined,
};

function mapped(bench: DeviceBench, options: Parameters<DeviceBench['function']>[0] = {}) {
  const fn = bench.function(options);
  fn.attach(nobody);
  return { fn, bars: new BarMappings(bench.services, fn) };
}

/** A BAR no part of which a guest may be given. */
const trapped = { index: 0, kind: 'memory64', prefetchable: false, sizeBytes: 0x4000, mappable: false } as const;

/** What reads there give when nothing is mapped. */
function assertNothingAt(bench: DeviceBench, gpa: number): void {
  for (const sizeBytes of [1, 2, 4, 8]) assert.equal(bench.read(gpa, sizeBytes), ones(sizeBytes));
}

test("direct pages are the function's own memory and cost no exit", () => {
  using bench = new DeviceBench();
  const { fn, bars } = mapped(bench);
  bars.move(0, BAR);
  fn.backend.ram(0)[0x10] = 0x5a;
  assert.equal(bench.read(BAR + 0x10, 1), 0x5an);
  bench.write(BAR + 0x1ffc, 4, 0x1122_3344n);
  assert.deepEqual([...fn.backend.ram(0).subarray(0x1ffc, 0x2000)], [0x44, 0x33, 0x22, 0x11]);
  assert.equal(bench.exits, 0);
  assert.deepEqual(fn.backend.log, ['reset'], 'the function hears nothing of it');
});

/** As the guest's driver does it: the capability's message control, bit 15 enable, bit 14 mask all. */
function controlMsix(fn: FakeFunction, bits: number): void {
  fn.writeConfig(FakeCapability.msix + 2, 2, bits);
}

test('a trapped page with an image is read from the image; writes come to the function once they mean something', () => {
  using bench = new DeviceBench();
  const fn = bench.function();
  const bars = new BarMappings(bench.services, fn);
  fn.attach({ ...nobody, imageAccessChanged: (barIndex) => bars.imageAccessChanged(barIndex) });
  bars.move(0, BAR);
  assert.equal(bench.deviceSlots, 2);
  assert.equal(bench.read(BAR + 0x200c, 4), 1n, 'the first vector is masked');
  bench.write(BAR + 0x2008, 4, 0x4321n);
  assert.equal(bench.exits, 0, 'while MSI-X is off, the table is memory');
  controlMsix(fn, 0x8000);
  assert.equal(bench.read(BAR + 0x2008, 4), 0x4321n);
  assert.equal(bench.exits, 0);
  bench.write(BAR + 0x2008, 4, 0x1234n);
  assert.equal(bench.exits, 1);
  assert.equal(bench.read(BAR + 0x2008, 4), 0x1234n);
  assert.equal(fn.readBar(0, 0x2008, 4), 0x1234n);
  controlMsix(fn, 0xc000);
  bench.write(BAR + 0x2008, 4, 0x77n);
  assert.deepEqual([bench.exits, bench.deviceSlots, fn.readBar(0, 0x2008, 4)], [1, 2, 0x77n]);
  bars.unmapAll();
  assert.equal(bench.deviceSlots, 0);
  controlMsix(fn, 0x8000);
  assert.equal(bench.deviceSlots, 0, 'a BAR that is nowhere has no images there');
});

test('an image that KVM would not map again is gone, the rest is taken away as ever', () => {
  using bench = new DeviceBench();
  const fn = bench.function();
  const bars = new BarMappings(bench.services, fn);
  fn.attach({ ...nobody, imageAccessChanged: (barIndex) => bars.imageAccessChanged(barIndex) });
  bars.move(0, BAR);
  const map = bench.vm.setMemoryRegion.bind(bench.vm);
  bench.vm.setMemoryRegion = (region) => {
    if (region.readOnly === true) throw new Error('ENOMEM');
    map(region);
  };
  assert.throws(() => controlMsix(fn, 0x8000), /ENOMEM/);
  assert.equal(bench.deviceSlots, 1);
  bars.unmapAll();
  assert.equal(bench.deviceSlots, 0);
});

test('a trapped page without an image exits both ways', () => {
  using bench = new DeviceBench();
  const { fn, bars } = mapped(bench, { bars: [trapped], msixVectors: 0 });
  bars.move(0, BAR);
  assert.equal(bench.deviceSlots, 0);
  bench.write(BAR + 0x3ff8, 8, 0x1122_3344_5566_7788n);
  assert.equal(bench.read(BAR + 0x3ffc, 4), 0x1122_3344n);
  assert.equal(bench.exits, 2);
  assert.deepEqual(fn.backend.log.slice(1), ['write BAR 0 0x3ff8 8 0x1122334455667788']);
});

test('a BAR that moves is at its new place alone', () => {
  using bench = new DeviceBench();
  const { bars } = mapped(bench);
  bars.move(0, BAR);
  bench.write(BAR, 4, 0x1234n);
  const high = bench.map.highWindow.gpa + 0x10_0000;
  bars.move(0, high);
  assertNothingAt(bench, BAR);
  assertNothingAt(bench, BAR + 0x2000);
  assert.equal(bench.read(high, 4), 0x1234n);
  assert.equal(bench.deviceSlots, 2);
  bars.move(0, high);
  assert.equal(bench.deviceSlots, 2, 'moved to where it is');
});

test('a BAR that is not decoded, and all of them at the end, read ones and swallow writes', () => {
  using bench = new DeviceBench();
  const { fn, bars } = mapped(bench);
  for (const takeAway of [() => bars.move(0, undefined), () => bars.unmapAll()]) {
    bars.move(0, BAR);
    takeAway();
    for (const offset of [0, 0x1000, 0x2000, 0x3ff8]) {
      bench.write(BAR + offset, 8, 0x77n);
      assertNothingAt(bench, BAR + offset);
    }
    assert.equal(bench.deviceSlots, 0);
    assert.equal(fn.readBar(0, 0x2000, 8), 0n);
    assert.equal(fn.backend.ram(0)[0], 0);
    takeAway();
  }
});

test('no BAR comes to lie outside the device windows', () => {
  using bench = new DeviceBench();
  const { bars } = mapped(bench);
  const { lowWindow, highWindow } = bench.map;
  const places = [
    0,
    0x10_0000,
    lowWindow.gpa - 0x1000,
    lowWindow.gpa + lowWindow.sizeBytes - 0x3000,
    0xfec0_0000,
    0xfee0_0000,
    highWindow.gpa - 0x4000,
    highWindow.gpa + highWindow.sizeBytes,
    2 ** 51,
    2 ** 60,
    BAR + 0x800,
  ];
  for (const gpa of places) {
    bars.move(0, gpa);
    assert.equal(bench.deviceSlots, 0, `0x${gpa.toString(16)}`);
    assert.equal(bench.addresses.overlaps(gpa, 0x4000), false);
  }
  assert.equal(bench.log[0]?.code, 'bar-out-of-window');
  bars.move(0, lowWindow.gpa + lowWindow.sizeBytes - 0x4000);
  assert.equal(bench.deviceSlots, 2, 'its last place there is good');
});

test("a BAR over another's mapped pages stays unmapped, and the other works on", () => {
  using bench = new DeviceBench();
  const first = mapped(bench);
  const second = mapped(bench, { name: 'fake1' });
  first.bars.move(0, BAR);
  bench.write(BAR, 4, 0x1111n);
  second.bars.move(0, BAR);
  second.bars.move(0, BAR + 0x3000);
  assert.deepEqual([bench.read(BAR, 4), bench.deviceSlots], [0x1111n, 2]);
  assert.deepEqual(
    bench.log.map(({ code }) => code),
    ['bar-overlap', 'bar-overlap'],
  );
  second.bars.move(0, BAR + 0x4000);
  assert.equal(bench.deviceSlots, 4);
});

test("a BAR over another's trapped pages stays unmapped, and the other works on", () => {
  using bench = new DeviceBench();
  const first = mapped(bench, { bars: [trapped], msixVectors: 0 });
  const second = mapped(bench);
  first.bars.move(0, BAR);
  bench.write(BAR + 0x3000, 4, 0x1111n);
  second.bars.move(0, BAR);
  second.bars.move(0, BAR - 0x1000);
  assert.deepEqual([bench.read(BAR + 0x3000, 4), bench.deviceSlots], [0x1111n, 0]);
  assertNothingAt(bench, BAR - 0x1000);
});

test('what stayed unmapped is unmapped once more without harm to the one in its place', () => {
  using bench = new DeviceBench();
  const first = mapped(bench, { bars: [trapped], msixVectors: 0 });
  const second = mapped(bench);
  first.bars.move(0, BAR);
  second.bars.move(0, BAR);
  second.bars.move(0, undefined);
  second.bars.unmapAll();
  assert.equal(bench.read(BAR, 4), 0n);
});

test('a guest that misplaces a BAR for ever does not fill the log', () => {
  using bench = new DeviceBench();
  const { bars } = mapped(bench);
  for (let i = 0; i < 1000; i++) bars.move(0, 0x10_0000 + 0x1000 * (i % 7));
  assert.ok(bench.log.length < 20, `${bench.log.length} entries`);
});

test('a BAR that the function does not have is a mistake of ours', () => {
  using bench = new DeviceBench();
  const { bars } = mapped(bench);
  assert.throws(() => bars.move(3, BAR), /fake0 has no BAR 3/);
});

test('when KVM refuses in the middle, what was mapped is still taken away', () => {
  using bench = new DeviceBench();
  const { bars } = mapped(bench);
  const map = bench.vm.setMemoryRegion.bind(bench.vm);
  bench.vm.setMemoryRegion = (region) => {
    if (region.gpa === BAR + 0x2000 && region.sizeBytes > 0) throw new Error('ENOMEM');
    map(region);
  };
  assert.throws(() => bars.move(0, BAR), /ENOMEM/);
  bars.unmapAll();
  assert.equal(bench.deviceSlots, 0);
  assert.equal(bench.addresses.overlaps(BAR, 0x4000), false);
});
