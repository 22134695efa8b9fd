import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headerMultiFunction, HeaderRegister } from '../../../../pci/index.ts';
import { slotOf, type Slot } from '../../../slot.ts';
import { SpyFunction } from '../../../testing/spy-function.ts';
import { ModelMachine } from '../../../testing/machine/index.ts';
import { DriverFailure, type FunctionDriver, type StopReason } from '../../function-driver.ts';
import type { Steps } from '../../guest-threads.ts';
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

/** A driver that writes down what is asked of it, and gives up where it is told to. */
class NotingDriver implements FunctionDriver {
  readonly name = 'noting';
  readonly vectorsWanted = 1;
  readonly notes: string[] = [];
  failsAt: 'start' | 'resume' | undefined;

  matches(): boolean {
    return true;
  }

  *start({ name }: { readonly name: string }) {
    yield* [];
    this.#note('start', name);
    const note = (what: string): Steps<void> => this.#later(what, name);
    return {
      stop: (reason: StopReason) => note(`stop ${reason}`),
      suspend: () => note('suspend'),
      resume: () => note('resume'),
    };
  }

  *#later(what: string, name: string): Steps<void> {
    yield* [];
    this.#note(what, name);
  }

  #note(what: string, name: string): void {
    if (this.failsAt === what) throw new DriverFailure(`no ${what}`);
    this.notes.push(`${name} ${what}`);
  }
}

function run(steps: Steps<void>): void {
  assert.ok(steps.next().done, 'it waits');
}

function driven(functions: ReadonlyMap<Slot, SpyFunction>) {
  const driver = new NotingDriver();
  const machine = new ModelMachine({ functions: [spare] });
  const low = { ...LOW, sizeBytes: 0x4000 };
  const subject = new PciCore(bridgeOver(functions, { low, high: undefined }), machine, [driver]);
  subject.scan();
  return { core: subject, driver, logged: machine.logged };
}

const withBar = () =>
  new SpyFunction({ bars: [{ index: 0, kind: 'memory32', prefetchable: false, sizeBytes: 0x4000 }] });

test('a driver is started once, with memory decoding on; what it returned is at hand', () => {
  const fn = withBar();
  const { core: subject, driver } = driven(new Map([[0, fn]]));
  run(subject.addDevices());
  run(subject.addDevices());
  assert.deepEqual(driver.notes, ['00.0 start']);
  assert.equal(fn.command, 2);
  assert.deepEqual(
    subject.driven.map(({ name }) => name),
    ['00.0'],
  );
  assert.ok(subject.running(0));
  assert.equal(subject.running(1), undefined);
});

test('a driver that gives up leaves the device without, and is heard of in the log', () => {
  const { core: subject, driver, logged } = driven(new Map([[0, withBar()]]));
  driver.failsAt = 'start';
  run(subject.addDevices());
  assert.deepEqual([subject.driven.length, subject.devices.length], [0, 1]);
  assert.deepEqual(logged, ['00.0: noting: no start']);
  driver.failsAt = undefined;
  run(subject.addDevices());
  assert.equal(subject.driven.length, 1, 'it may be tried again');
});

test('what is removed gives its place to the next; a slot that isn’t known is no matter', () => {
  const functions = new Map([[slotOf(0, 0), withBar()]]);
  const { core: subject, driver } = driven(functions);
  run(subject.addDevices());
  run(subject.remove(slotOf(5, 0)));
  assert.equal(subject.driven.length, 1);
  functions.set(slotOf(1, 0), withBar());
  const [without] = subject.scan();
  assert.equal(without?.bars[0]?.gpa, undefined, 'the window has room for one');
  run(subject.remove(slotOf(0, 0)));
  assert.deepEqual(driver.notes, ['00.0 start', '00.0 stop orderly']);
  functions.delete(slotOf(0, 0));
  functions.set(slotOf(2, 0), withBar());
  const [next] = subject.scan();
  assert.equal(next?.bars[0]?.gpa, LOW.gpa);
  run(subject.removeAll());
  assert.deepEqual(subject.devices, []);
});

test('at rest and back: BARs where they were, decoding on, drivers in order', () => {
  const fn = withBar();
  const { core: subject, driver } = driven(new Map([[0, fn]]));
  run(subject.addDevices());
  run(subject.suspend());
  fn.quiesce();
  run(subject.resume());
  assert.deepEqual(driver.notes, ['00.0 start', '00.0 suspend', '00.0 resume']);
  assert.deepEqual([fn.readConfig(0x10, 4), fn.command], [LOW.gpa, 2]);
});

test('a driver that doesn’t come back is out of use, and not asked to rest again', () => {
  const { core: subject, driver, logged } = driven(new Map([[0, withBar()]]));
  run(subject.addDevices());
  run(subject.suspend());
  driver.failsAt = 'resume';
  run(subject.resume());
  assert.deepEqual(logged, ['00.0: noting: no resume']);
  assert.equal(subject.driven.length, 0);
  run(subject.suspend());
  run(subject.resume());
  assert.deepEqual(driver.notes, ['00.0 start', '00.0 suspend']);
});

test('bus mastering comes and goes, and a command that is as wished is not written again', () => {
  const fn = withBar();
  const { core: subject } = driven(new Map([[0, fn]]));
  const [device] = subject.devices;
  assert.ok(device);
  let writes = 0;
  const write = fn.writeConfig.bind(fn);
  fn.writeConfig = (offset, sizeBytes, value) => {
    writes += 1;
    write(offset, sizeBytes, value);
  };
  device.setBusMaster(true);
  assert.deepEqual([fn.command, writes], [6, 1]);
  device.setBusMaster(true);
  device.enable();
  assert.equal(writes, 1);
  device.setBusMaster(false);
  assert.deepEqual([fn.command, writes], [2, 2]);
});
