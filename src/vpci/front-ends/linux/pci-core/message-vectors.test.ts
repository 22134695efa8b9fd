import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MsiCapability, MsixCapability } from '../../../../pci/index.ts';
import { GuestHardware } from '../../../testing/machine/guest-hardware.ts';
import { PlainGuestMemory } from '../../../../hyperv/testing/index.ts';
import type { BarAccess } from '../../function-driver.ts';
import type { GuestPlatform, VectorTarget } from '../../guest-platform.ts';
import type { Steps } from '../../guest-threads.ts';
import type { HostBridge, MessageBlock } from './host-bridge.ts';
import { MessageVectors } from './message-vectors.ts';

const SLOT = 0x21;
const CAPABILITY = 0x40;
const CONTROL = CAPABILITY + 2;
const TABLE_OFFSET = 0x2000;
const ADDRESS = 0xa_fee9_bcd0n;

const MSIX: MsixCapability = {
  offset: CAPABILITY,
  vectorCount: 4,
  table: { barIndex: 0, offsetBytes: TABLE_OFFSET, sizeBytes: 64 },
  pendingBits: { barIndex: 0, offsetBytes: 0x3000, sizeBytes: 8 },
};
const MSI: MsiCapability = {
  offset: CAPABILITY,
  vectorCount: 8,
  address64: true,
  addressLowOffset: CAPABILITY + 4,
  addressHighOffset: CAPABILITY + 8,
  dataOffset: CAPABILITY + 12,
  maskOffset: undefined,
  pendingOffset: undefined,
  sizeBytes: 14,
};

type Call =
  | { readonly compose: VectorTarget; readonly count: number }
  | { readonly retarget: number; readonly target: VectorTarget }
  | { readonly free: number; readonly count: number };

/** A function's vectors over a bridge and a table that write down what is done to them. */
class Bench {
  readonly calls: Call[] = [];
  readonly config = new Map<number, number>([[CONTROL, 0]]);
  readonly table = new Map<number, bigint>();
  readonly logged: string[] = [];
  readonly hardware = new GuestHardware({
    memory: new PlainGuestMemory([{ gpn: 0, pageCount: 4 }]),
    dma: { start: 4096, end: 4 * 4096 },
  });
  refusesMessages = false;
  refusesTargets = false;
  outOfVectors = false;
  #nextData = 0x60;

  vectors(kind: 'msix' | 'msi' | 'none', msi: MsiCapability = MSI): MessageVectors {
    const table: BarAccess = {
      sizeBytes: 0x4000,
      read: (offset) => this.table.get(offset) ?? 0n,
      write: (offset, sizeBytes, value) => {
        assert.equal(sizeBytes, 4);
        this.table.set(offset, value);
      },
    };
    const msix = kind === 'msix' ? { shape: MSIX, table } : undefined;
    return new MessageVectors(this.#bridge(), this.#platform(), SLOT, msix, kind === 'none' ? undefined : msi);
  }

  /** Of vector `index`: address and data, and whether it is masked. */
  entry(index: number): readonly (bigint | undefined)[] {
    return [0, 4, 8, 12].map((register) => this.table.get(TABLE_OFFSET + 16 * index + register));
  }

  take(): Call[] {
    return this.calls.splice(0);
  }

  #platform(): GuestPlatform {
    const { hardware } = this;
    return {
      allocateVector: () => (this.outOfVectors ? undefined : hardware.allocateVector()),
      handleVector: (target: VectorTarget, handler: (() => void) | undefined) => hardware.handleVector(target, handler),
      freeVector: (target: VectorTarget) => hardware.freeVector(target),
      log: (text: string) => void this.logged.push(text),
    } as GuestPlatform;
  }

  *#compose(target: VectorTarget, count: number): Steps<MessageBlock | undefined> {
    yield* [];
    this.calls.push({ compose: target, count });
    if (this.refusesMessages) return undefined;
    const data = this.#nextData;
    this.#nextData += 8;
    return { address: ADDRESS, data, count };
  }

  #bridge(): HostBridge {
    return {
      readConfig: (_slot, offset) => this.config.get(offset) ?? 0,
      writeConfig: (slot, offset, sizeBytes, value) => {
        assert.equal(slot, SLOT);
        assert.equal(sizeBytes, offset === CAPABILITY + 4 || offset === CAPABILITY + 8 ? 4 : 2);
        this.config.set(offset, value);
      },
      msi: {
        compose: (slot, target, count) => {
          assert.equal(slot, SLOT);
          return this.#compose(target, count);
        },
        retarget: (_slot, _block, data, target) => {
          this.calls.push({ retarget: data, target });
          return !this.refusesTargets;
        },
        free: (_slot, { data, count }) => void this.calls.push({ free: data, count }),
      },
      low: undefined,
      high: undefined,
    };
  }
}

/** Nothing here has anything to wait for. */
function run<T>(steps: Steps<T>): T {
  const step = steps.next();
  assert.ok(step.done === true, 'it waits');
  return step.value;
}

const nothing = (): void => undefined;
const PLACEHOLDER = { vector: 0xef, vp: 0 };

test('MSI-X: a message for each vector, made for a placeholder, masked until somebody connects', () => {
  const bench = new Bench();
  const vectors = bench.vectors('msix');
  assert.equal(run(vectors.allocate(2)), 2);
  assert.equal(vectors.live, 2);
  assert.deepEqual(bench.take(), [
    { compose: PLACEHOLDER, count: 1 },
    { compose: PLACEHOLDER, count: 1 },
  ]);
  assert.equal(bench.config.get(CONTROL), 0x8000, 'enabled, the whole function not masked');
  assert.deepEqual(bench.entry(0), [0xfee9_bcd0n, 0xan, 0x60n, 1n]);
  assert.deepEqual(bench.entry(1), [0xfee9_bcd0n, 0xan, 0x68n, 1n]);
});

test('MSI-X: no more than the table has', () => {
  assert.equal(run(new Bench().vectors('msix').allocate(100)), 4);
});

test('MSI-X: connecting makes the message anew for the vector that the guest found, says where it goes, and lets it through', () => {
  const bench = new Bench();
  const vectors = bench.vectors('msix');
  run(vectors.allocate(1));
  bench.take();
  let calls = 0;
  assert.equal(
    run(
      vectors.connect(0, () => {
        calls += 1;
      }),
    ),
    true,
  );
  const target = { vector: 0x21, vp: 0 };
  assert.deepEqual(bench.take(), [
    { free: 0x60, count: 1 },
    { compose: target, count: 1 },
    { retarget: 0x68, target },
  ]);
  assert.deepEqual(bench.entry(0), [0xfee9_bcd0n, 0xan, 0x68n, 0n]);
  assert.equal(bench.hardware.interrupt(target), true);
  assert.equal(calls, 1);
});

test('a vector that was never allocated cannot be connected', () => {
  const bench = new Bench();
  const vectors = bench.vectors('msix');
  run(vectors.allocate(1));
  assert.throws(() => run(vectors.connect(1, nothing)), {
    name: 'RangeError',
    message: 'vector 1 was never allocated',
  });
});

test('a guest without vectors connects nothing, and takes nothing', () => {
  const bench = new Bench();
  const vectors = bench.vectors('msix');
  run(vectors.allocate(1));
  bench.take();
  bench.outOfVectors = true;
  assert.equal(run(vectors.connect(0, nothing)), false);
  assert.deepEqual([bench.take(), bench.hardware.taken.vectors], [[], 0]);
});

test('a message that the host refuses leaves the vector dead: zeros in its entry, which stays masked', () => {
  const bench = new Bench();
  const vectors = bench.vectors('msix');
  run(vectors.allocate(1));
  bench.refusesMessages = true;
  assert.equal(run(vectors.connect(0, nothing)), false);
  assert.equal(vectors.live, 0);
  assert.deepEqual(bench.entry(0), [0n, 0n, 0n, 1n]);
});

test('a host that refuses to retarget is heard of in the log', () => {
  const bench = new Bench();
  bench.refusesTargets = true;
  const vectors = bench.vectors('msix');
  run(vectors.allocate(1));
  assert.equal(run(vectors.connect(0, nothing)), true);
  assert.deepEqual(bench.logged, ['vector 0: the host refuses to retarget it']);
});

test('moving a vector: the new one is handled before the old one is given back, by the same message', () => {
  const bench = new Bench();
  const vectors = bench.vectors('msix');
  run(vectors.allocate(1));
  let calls = 0;
  const handler = (): void => {
    calls += 1;
  };
  run(vectors.connect(0, handler));
  bench.take();
  assert.equal(vectors.move(0), true);
  const [before, after] = [
    { vector: 0x21, vp: 0 },
    { vector: 0x21, vp: 1 },
  ];
  assert.deepEqual(bench.take(), [{ retarget: 0x68, target: after }]);
  assert.deepEqual(bench.entry(0).at(-1), 0n, 'let through again');
  assert.equal(bench.hardware.interrupt(before), false);
  assert.equal(bench.hardware.interrupt(after), true);
  assert.equal(calls, 1);
  assert.equal(bench.hardware.taken.vectors, 1);
});

test('a vector that nobody is connected to, that is dead, or that there isn’t, doesn’t move, and takes nothing', () => {
  const bench = new Bench();
  const vectors = bench.vectors('msix');
  run(vectors.allocate(2));
  assert.equal(vectors.move(0), false, 'not connected');
  assert.equal(vectors.move(7), false, 'not there');
  bench.refusesMessages = true;
  run(vectors.connect(1, nothing));
  const { vectors: taken } = bench.hardware.taken;
  assert.equal(vectors.move(1), false, 'dead');
  assert.equal(bench.hardware.taken.vectors, taken);
  bench.refusesMessages = false;
  run(vectors.connect(0, nothing));
  bench.outOfVectors = true;
  assert.equal(vectors.move(0), false, 'no vector left');
});

test('MSI-X: freed are the guest’s vectors, the host’s messages, and the capability is off', () => {
  const bench = new Bench();
  const vectors = bench.vectors('msix');
  run(vectors.allocate(3));
  run(vectors.connect(1, nothing));
  bench.take();
  vectors.free();
  assert.deepEqual(
    bench.take(),
    [0x60, 0x78, 0x70].map((free) => ({ free, count: 1 })),
  );
  assert.equal(bench.hardware.taken.vectors, 0);
  assert.equal(bench.config.get(CONTROL), 0);
  assert.deepEqual(
    [0, 1, 2].map((index) => bench.entry(index).at(-1)),
    [1n, 1n, 1n],
  );
  assert.equal(vectors.live, 0);
  bench.config.set(CONTROL, 0xc000);
  vectors.free();
  assert.deepEqual([bench.take(), bench.config.get(CONTROL)], [[], 0xc000], 'once');
});

test('MSI-X: after the bus has been off every message is made anew, and what was connected let through', () => {
  const bench = new Bench();
  const vectors = bench.vectors('msix');
  run(vectors.allocate(2));
  run(vectors.connect(1, nothing));
  bench.take();
  bench.table.clear();
  bench.config.set(CONTROL, 0x4000);
  run(vectors.recreate());
  const target = { vector: 0x21, vp: 0 };
  assert.deepEqual(bench.take(), [
    { compose: PLACEHOLDER, count: 1 },
    { compose: target, count: 1 },
    { retarget: 0x80, target },
  ]);
  assert.equal(bench.config.get(CONTROL), 0x8000);
  assert.deepEqual(bench.entry(0), [0xfee9_bcd0n, 0xan, 0x78n, undefined]);
  assert.deepEqual(bench.entry(1), [0xfee9_bcd0n, 0xan, 0x80n, 0n]);
});

test('MSI: one block of a power of two, its first message in the capability', () => {
  const bench = new Bench();
  bench.config.set(CONTROL, 0x0086);
  const vectors = bench.vectors('msi');
  assert.equal(run(vectors.allocate(7)), 4);
  assert.deepEqual(bench.take(), [{ compose: { vector: 0x20, vp: 0 }, count: 4 }]);
  assert.equal(bench.config.get(CONTROL), 0x0086 | 0x20 | 1, 'four messages, enabled');
  assert.deepEqual(
    [4, 8, 12].map((offset) => bench.config.get(CAPABILITY + offset)),
    [0xfee9_bcd0, 0xa, 0x60],
  );
  assert.equal(run(new Bench().vectors('msi').allocate(100)), 8, 'no more than the capability has');
});

test('MSI: each message of the block is retargeted by itself; nothing is made anew', () => {
  const bench = new Bench();
  const vectors = bench.vectors('msi');
  run(vectors.allocate(4));
  bench.take();
  assert.equal(run(vectors.connect(3, nothing)), true);
  assert.deepEqual(bench.take(), [{ retarget: 0x63, target: { vector: 0x21, vp: 0 } }]);
  assert.equal(bench.table.size, 0);
});

test('MSI: the block is freed once, and the capability is off', () => {
  const bench = new Bench();
  const vectors = bench.vectors('msi');
  run(vectors.allocate(4));
  run(vectors.connect(0, nothing));
  bench.take();
  vectors.free();
  assert.deepEqual(bench.take(), [{ free: 0x60, count: 4 }]);
  assert.equal(bench.config.get(CONTROL), 0);
  assert.equal(bench.hardware.taken.vectors, 0);
});

test('MSI: a block that the host refuses: no vectors, and the capability stays off', () => {
  const bench = new Bench();
  bench.refusesMessages = true;
  const vectors = bench.vectors('msi');
  assert.equal(run(vectors.allocate(4)), 0);
  assert.deepEqual([vectors.live, bench.config.get(CONTROL)], [0, 0]);
});

test('MSI: the block comes back for the VP of the first vector; without one that is refused all are dead', () => {
  const bench = new Bench();
  const vectors = bench.vectors('msi');
  run(vectors.allocate(2));
  bench.hardware.allocateVector();
  run(vectors.connect(0, nothing));
  bench.take();
  run(vectors.recreate());
  const target = { vector: 0x21, vp: 1 };
  assert.deepEqual(bench.take(), [
    { compose: { vector: 0x20, vp: 1 }, count: 2 },
    { retarget: 0x68, target },
  ]);
  assert.equal(bench.config.get(CAPABILITY + 12), 0x68);
  bench.refusesMessages = true;
  run(vectors.recreate());
  assert.equal(vectors.live, 0);
  assert.deepEqual(
    [4, 8, 12].map((offset) => bench.config.get(CAPABILITY + offset)),
    [0, 0, 0],
  );
});

test('MSI with an address of 32 bits has no upper half', () => {
  const bench = new Bench();
  const vectors = bench.vectors('msi', { ...MSI, address64: false, addressHighOffset: undefined });
  run(vectors.allocate(1));
  assert.equal(bench.config.has(CAPABILITY + 8), false);
  assert.equal(bench.config.get(CAPABILITY + 4), 0xfee9_bcd0);
});

test('a function without either has no vectors', () => {
  const bench = new Bench();
  const vectors = bench.vectors('none');
  assert.equal(run(vectors.allocate(8)), 0);
  run(vectors.recreate());
  vectors.free();
  assert.deepEqual([bench.take(), [...bench.config]], [[], [[CONTROL, 0]]]);
});
