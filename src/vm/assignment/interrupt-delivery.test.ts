import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { MsiMessage } from '../../functions/index.ts';
import { FakeFunction } from '../../functions/testing/index.ts';
import { countOpenFiles } from '../../linux/index.ts';
import type { InterruptTarget } from '../../vpci/index.ts';
import { MsiRoutes } from '../interrupts/msi-routes.ts';
import { RecordingVm } from '../testing/recording-vm.ts';
import { InterruptDelivery } from './interrupt-delivery.ts';

const VCPUS = 2;

/** A function whose vectors' eventfds are written down, and the table of where messages go. */
class Bench {
  readonly vm = new RecordingVm();
  readonly targets = new Map<number, InterruptTarget>();
  readonly eventFds = new Map<number, number>();
  readonly delivery: InterruptDelivery;

  constructor() {
    const fn = new FakeFunction();
    fn.connectVector = (vector, eventFd) => {
      if (eventFd === undefined) this.eventFds.delete(vector);
      else this.eventFds.set(vector, eventFd);
    };
    this.delivery = new InterruptDelivery(new MsiRoutes(this.vm), fn, VCPUS, ({ data }) => this.targets.get(data));
  }

  setTarget(data: number, target: InterruptTarget | undefined): void {
    if (target === undefined) this.targets.delete(data);
    else this.targets.set(data, target);
    this.delivery.targetChanged(message(data));
  }

  /** [VP, guest vector] that an interrupt of `vector` raises now. */
  raises(vector: number): [number, number] | undefined {
    const eventFd = this.eventFds.get(vector);
    const msi = eventFd === undefined ? undefined : this.vm.msiOf(eventFd);
    return msi && [Number((msi.address >> 12n) & 0xffn), msi.data];
  }
}

function openFiles(): number {
  const count = countOpenFiles(process.pid);
  assert.ok(count !== undefined);
  return count;
}

function message(data: number): MsiMessage {
  return { address: 0xfee0_0010n, data };
}

test('programmed first, created afterwards; and the other way round', () => {
  for (const createFirst of [true, false]) {
    const bench = new Bench();
    const create = () => bench.setTarget(7, { vector: 0x31, vps: [1] });
    if (createFirst) create();
    bench.delivery.messageChanged(3, message(7));
    if (!createFirst) {
      assert.equal(bench.raises(3), undefined);
      create();
    }
    assert.deepEqual(bench.raises(3), [1, 0x31]);
    bench.delivery.close();
  }
});

test('a masked vector holds its interrupts back: they are there when it is unmasked', () => {
  const bench = new Bench();
  bench.setTarget(7, { vector: 0x31, vps: [0] });
  bench.delivery.messageChanged(0, message(7));
  const eventFd = bench.eventFds.get(0);
  bench.delivery.messageChanged(0, undefined);
  assert.equal(bench.raises(0), undefined);
  assert.equal(bench.eventFds.get(0), eventFd, 'the function goes on signalling the same eventfd');
  bench.delivery.messageChanged(0, message(7));
  assert.deepEqual([bench.raises(0), bench.eventFds.get(0)], [[0, 0x31], eventFd]);
  bench.delivery.close();
});

test('deleted while it is unmasked, created anew with another target', () => {
  const bench = new Bench();
  bench.setTarget(7, { vector: 0x31, vps: [0] });
  bench.delivery.messageChanged(0, message(7));
  bench.setTarget(7, undefined);
  assert.equal(bench.raises(0), undefined);
  bench.setTarget(7, { vector: 0x32, vps: [1] });
  assert.deepEqual(bench.raises(0), [1, 0x32]);
  bench.delivery.close();
});

test('a vector that is masked before it was ever programmed costs nothing', () => {
  const bench = new Bench();
  bench.delivery.messageChanged(5, undefined);
  assert.equal(bench.eventFds.size, 0);
});

test('of several processors the first that exists is taken; none that exists means nowhere', () => {
  const bench = new Bench();
  bench.delivery.messageChanged(0, message(7));
  for (const [vps, raised] of [
    [
      [0, 1],
      [0, 0x31],
    ],
    [
      [63, 1],
      [1, 0x31],
    ],
    [[2, 63], undefined],
    [[], undefined],
    [[1], [1, 0x31]],
  ] as const) {
    bench.setTarget(7, { vector: 0x31, vps });
    assert.deepEqual(bench.raises(0), raised);
  }
  bench.delivery.close();
});

test('two vectors with one message both follow it', () => {
  const bench = new Bench();
  bench.delivery.messageChanged(0, message(7));
  bench.delivery.messageChanged(1, message(7));
  bench.delivery.messageChanged(2, { address: 0xfee0_0020n, data: 7 });
  bench.setTarget(7, { vector: 0x31, vps: [1] });
  assert.deepEqual(
    [bench.raises(0), bench.raises(1)],
    [
      [1, 0x31],
      [1, 0x31],
    ],
  );
  bench.delivery.close();
});

test('after the end nothing is connected and no descriptor is open', () => {
  const before = openFiles();
  const bench = new Bench();
  bench.setTarget(7, { vector: 0x31, vps: [0] });
  for (let vector = 0; vector < 8; vector++) bench.delivery.messageChanged(vector, message(7));
  assert.equal(openFiles(), before + 8);
  bench.delivery.close();
  assert.deepEqual([bench.eventFds.size, bench.vm.irqfds.size, openFiles()], [0, 0, before]);
  bench.setTarget(7, { vector: 0x32, vps: [0] });
  assert.equal(bench.vm.irqfds.size, 0);
});

test('no room for another route costs no descriptor', () => {
  const before = openFiles();
  const delivery = new InterruptDelivery(new MsiRoutes(new RecordingVm(), 0), new FakeFunction(), 1, () => undefined);
  assert.throws(() => delivery.messageChanged(0, message(7)), /interrupt routes/);
  delivery.close();
  assert.equal(openFiles(), before);
});

const vector = fc.nat(1);
const data = fc.integer({ min: 7, max: 8 });
const step = fc.oneof(
  fc.record({ do: fc.constant('program' as const), vector, data }),
  fc.record({ do: fc.constant('mask' as const), vector }),
  fc.record({
    do: fc.constant('target' as const),
    data,
    guestVector: fc.integer({ min: 0x31, max: 0x32 }),
    vp: fc.nat(2),
  }),
  fc.record({ do: fc.constant('delete' as const), data }),
);

test('in whatever order it all changes, a vector raises what its message is for, or nothing', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 24 }), (steps) => {
      const bench = new Bench();
      const programmed = new Map<number, number>();
      for (const each of steps) {
        if (each.do === 'program') {
          programmed.set(each.vector, each.data);
          bench.delivery.messageChanged(each.vector, message(each.data));
        } else if (each.do === 'mask') {
          programmed.delete(each.vector);
          bench.delivery.messageChanged(each.vector, undefined);
        } else if (each.do === 'target') {
          bench.setTarget(each.data, { vector: each.guestVector, vps: [each.vp] });
        } else {
          bench.setTarget(each.data, undefined);
        }
        for (const at of [0, 1]) {
          const target = bench.targets.get(programmed.get(at) ?? 0);
          const vp = target?.vps[0] ?? VCPUS;
          const expected = target === undefined || vp >= VCPUS ? undefined : [vp, target.vector];
          assert.deepEqual(bench.raises(at), expected);
        }
      }
      bench.delivery.close();
      assert.equal(bench.vm.irqfds.size, 0);
    }),
    { numRuns: 100 },
  );
});
