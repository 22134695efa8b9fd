import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headerMultiFunction, HeaderRegister } from '../../../../pci/index.ts';
import { slotOf, type Slot } from '../../../slot.ts';
import { SpyFunction } from '../../../testing/spy-function.ts';
import { ModelMachine } from '../../../testing/machine/index.ts';
import { type HostBridge, PciCore } from './index.ts';

const { headerType } = HeaderRegister;
const LOW = { gpa: 0xe000_0000, sizeBytes: 0x10_0000 };
const HIGH = { gpa: 0x10_0000_0000, sizeBytes: 0x10_0000 };

/** A bridge over functions by slot, all of them spies. */
function bridgeOver(functions: ReadonlyMap<Slot, SpyFunction>, windows: Partial<HostBridge> = {}): HostBridge {
  return {
    readConfig: (slot, offset, sizeBytes) =>
      functions.get(slot)?.readConfig(offset, sizeBytes) ?? 2 ** (8 * sizeBytes) - 1,
    writeConfig: (slot, offset, sizeBytes, value) => functions.get(slot)?.writeConfig(offset, sizeBytes, value),
    msi: {
      *compose() {
        yield* [];
        return undefined;
      },
      retarget: () => true,
      free: () => undefined,
    },
    low: LOW,
    high: HIGH,
    ...windows,
  };
}

const core = (functions: ReadonlyMap<Slot, SpyFunction>, windows?: Partial<HostBridge>) =>
  new PciCore(bridgeOver(functions, windows), new ModelMachine({ functions: [spare] }), []);
const spare = { slot: 0, make: () => new QuietSpy() };

class QuietSpy extends SpyFunction {
  override attach(): void {}
  override attachMemory(): void {}
}

test('functions 1 to 7 of a device are looked at only where function 0 says that there are some', () => {
  const first = new SpyFunction();
  const functions = new Map([
    [slotOf(0, 0), first],
    [slotOf(0, 3), new SpyFunction()],
    [slotOf(7, 0), new SpyFunction()],
    [slotOf(9, 1), new SpyFunction()],
  ]);
  assert.deepEqual(
    core(functions)
      .scan()
      .map(({ name }) => name),
    ['00.0', '07.0'],
  );
  first.writeConfig(headerType, 1, headerMultiFunction);
  assert.deepEqual(
    core(functions)
      .scan()
      .map(({ name }) => name),
    ['00.0', '00.3', '07.0'],
  );
});

test('a second scan finds only what is new; bridges are none of its business', () => {
  const functions = new Map([[slotOf(0, 0), new SpyFunction()]]);
  const found = core(functions);
  assert.equal(found.scan().length, 1);
  const bridge = new SpyFunction();
  bridge.writeConfig(headerType, 1, 1);
  functions.set(slotOf(1, 0), bridge);
  functions.set(slotOf(2, 0), new SpyFunction());
  assert.deepEqual(
    found.scan().map(({ name }) => name),
    ['02.0'],
  );
});

test('BARs are sized, and placed the largest first, each aligned to its size, in the window of their kind', () => {
  const fn = new SpyFunction({
    bars: [
      { index: 0, kind: 'memory32', prefetchable: false, sizeBytes: 0x1000 },
      { index: 1, kind: 'memory64', prefetchable: true, sizeBytes: 0x4000 },
      { index: 3, kind: 'memory32', prefetchable: false, sizeBytes: 0x8000 },
    ],
  });
  const [device] = core(new Map([[0, fn]])).scan();
  assert.deepEqual(device?.bars, [
    { index: 3, kind: 'memory32', sizeBytes: 0x8000, gpa: 0xe000_0000 },
    { index: 1, kind: 'memory64', sizeBytes: 0x4000, gpa: 0x10_0000_0000 },
    { index: 0, kind: 'memory32', sizeBytes: 0x1000, gpa: 0xe000_8000 },
  ]);
  assert.deepEqual(
    [0x10, 0x14, 0x18, 0x1c].map((offset) => fn.readConfig(offset, 4)),
    [0xe000_8000, 0xc, 0x10, 0xe000_0000],
  );
  assert.equal(fn.command, 0, 'nothing decodes before it has a driver');
});

test('a BAR without room has no place, and a driver is told that it is not there', () => {
  const [device] = core(new Map([[0, new SpyFunction()]]), { high: undefined }).scan();
  assert.equal(device?.bars[0]?.gpa, undefined);
  assert.equal(device?.bar(0), undefined);
});

test('a capability list is walked to its end', () => {
  const fn = new SpyFunction();
  fn.writeConfig(0x06, 2, 0x10);
  fn.writeConfig(0x34, 1, 0x40);
  fn.writeConfig(0x40, 2, 0x5001);
  fn.writeConfig(0x50, 2, 0x0011);
  const [device] = core(new Map([[0, fn]])).scan();
  assert.deepEqual(device?.capabilities, [0x01, 0x11]);
});
