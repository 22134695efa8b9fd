import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BytePlace } from '../../linux/index.ts';
import { AdminOpcode, IoOpcode } from './command.ts';
import { MemoryStorage, type StorageDone } from './storage.ts';
import { type SubmittedCommand, TestDriver } from './testing/index.ts';

const MIB = 2 ** 20;

/** Says when it is asked for what no storage has, and how much waits for it. */
class WatchedStorage extends MemoryStorage {
  readonly waiting: (() => void)[] = [];
  most = 0;

  override read(offset: number, target: Uint8Array, done: StorageDone): void {
    this.#ask(offset, target.byteLength, () => super.read(offset, target, done));
  }

  override readAtHand(offset: number, targets: readonly BytePlace[]): boolean {
    return this.#isEven(offset, targets) && super.readAtHand(offset, targets);
  }

  override writeAtOnce(offset: number, sources: readonly BytePlace[]): boolean {
    return this.#isEven(offset, sources) && super.writeAtOnce(offset, sources);
  }

  override write(offset: number, source: Uint8Array, done: StorageDone): void {
    this.#ask(offset, source.byteLength, () => super.write(offset, source, done));
  }

  override clear(offset: number, sizeBytes: number, done: StorageDone): void {
    this.#ask(offset, sizeBytes, () => super.clear(offset, sizeBytes, done));
  }

  settle(): void {
    for (let work = this.waiting.shift(); work !== undefined; work = this.waiting.shift()) work();
  }

  override whenIdle(done: () => void): void {
    this.settle();
    done();
  }

  #isEven(offset: number, parts: readonly BytePlace[]): boolean {
    const sizeBytes = parts.reduce((sum, part) => sum + part.sizeBytes, 0);
    assert.ok(offset >= 0 && offset + sizeBytes <= this.sizeBytes, `${offset}+${sizeBytes}`);
    return (offset / 512) % 2 === 0;
  }

  #ask(offset: number, sizeBytes: number, act: () => void): void {
    assert.ok(offset >= 0 && sizeBytes > 0 && offset + sizeBytes <= this.sizeBytes, `${offset}+${sizeBytes}`);
    this.waiting.push(act);
    this.most = Math.max(this.most, this.waiting.length);
  }
}

const dword = fc.oneof(fc.nat(16), fc.nat(0xffff), fc.integer({ min: 0, max: 0xffff_ffff }));
const address = fc.oneof(
  fc.nat(0x3ff).map((page) => page * 4096),
  fc.nat(4 * MIB + 4096),
  fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
);
const opcodes = [...Object.values(AdminOpcode), ...Object.values(IoOpcode)];
const command: fc.Arbitrary<SubmittedCommand> = fc.record({
  opcode: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...opcodes) }, fc.nat(255)),
  flags: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.nat(255)),
  commandId: fc.nat(300),
  namespaceId: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, dword),
  prp1: address,
  prp2: address,
  cdw10: dword,
  cdw11: dword,
  cdw12: dword,
  cdw13: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, dword),
});

type Step = (driver: TestDriver, storage: WatchedStorage) => void;
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(fc.nat(1), fc.array(command, { minLength: 1, maxLength: 12 })).map(
      ([queue, commands]): Step =>
        (driver) =>
          driver.submit(queue, ...commands),
    ),
  },
  fc.tuple(fc.nat(0x1fff), fc.constantFrom(1, 2, 4, 8), fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn })).map(
    ([offset, sizeBytes, value]): Step =>
      (driver) =>
        driver.controller.write(offset, sizeBytes, value),
  ),
  fc.tuple(fc.nat(9), dword).map(
    ([index, value]): Step =>
      (driver) =>
        driver.write(0x1000 + 4 * index, value),
  ),
  fc.tuple(address, fc.uint8Array({ minLength: 1, maxLength: 64 })).map(
    ([gpa, bytes]): Step =>
      (driver) =>
        driver.memory.set(bytes.subarray(0, Math.max(0, 4 * MIB - Number(gpa))), Math.min(Number(gpa), 4 * MIB)),
  ),
  fc.nat(4).map(
    (queue): Step =>
      (driver) =>
        driver.controller.ring(queue),
  ),
  fc.boolean().map(
    (on): Step =>
      (driver) =>
        driver.controller.setBusMaster(on),
  ),
  fc.constant<Step>((driver) => driver.runDeferred()),
  fc.constant<Step>((_driver, storage) => storage.settle()),
  fc.constant<Step>((driver) => driver.controller.reset()),
);

test('whatever a guest does: nothing is thrown, the storage is asked for what it has, and after a reset all works', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
      const storage = new WatchedStorage(MIB);
      const driver = new TestDriver([storage], 4).start();
      for (const act of steps) act(driver, storage);
      assert.ok(storage.most <= 64 + 64, `${storage.most} operations at once`);
      assert.ok(driver.deferred <= 1, 'one turn waits at the most');
      driver.controller.reset();
      driver.controller.setBusMaster(true);
      driver.start();
      storage.bytes.fill(0x5a, 512, 1024);
      driver.submit(1, { opcode: IoOpcode.read, namespaceId: 1, cdw10: 1 });
      driver.runDeferred();
      storage.settle();
      assert.equal(driver.take(1)[0]?.status, 0);
      assert.ok(driver.data(512).every((byte) => byte === 0x5a));
    }),
    { numRuns: 25 },
  );
});

test('a disk like any other: what was written last is what is read, whatever pages it came in', () => {
  const transfer = fc.record({
    writes: fc.boolean(),
    block: fc.nat(63),
    blocks: fc.integer({ min: 1, max: 40 }),
    offset: fc.nat(1023).map((dwords) => dwords * 4),
    fill: fc.nat(255),
  });
  fc.assert(
    fc.property(fc.array(transfer, { maxLength: 30 }), (transfers) => {
      const driver = new TestDriver([new MemoryStorage(MIB)]).start();
      const expected = new Uint8Array(MIB);
      for (const { writes, block, blocks, offset, fill } of transfers) {
        const sizeBytes = blocks * 512;
        // Pages from the last to the first, so that no two lie side by side.
        const pages = Array.from({ length: 8 }, (_, index) => 0x20_0000 + (8 - index) * 8192);
        pages.slice(1).forEach((gpa, index) => driver.view.setBigUint64(0x8_0000 + 8 * index, BigInt(gpa), true));
        const prp1 = (pages[0] ?? 0) + offset;
        const prp2 = offset + sizeBytes > 8192 ? 0x8_0000 : (pages[1] ?? 0);
        const at = (index: number): number =>
          (pages[Math.floor((offset + index) / 4096)] ?? 0) + ((offset + index) % 4096);
        const opcode = writes ? IoOpcode.write : IoOpcode.read;
        const bytes = Uint8Array.from({ length: sizeBytes }, (_, index) => (index + fill) & 0xff);
        if (writes) {
          bytes.forEach((byte, index) => (driver.memory[at(index)] = byte));
          expected.set(bytes, block * 512);
        }
        assert.equal(driver.status(1, { opcode, namespaceId: 1, cdw10: block, cdw12: blocks - 1, prp1, prp2 }), 0);
        const seen = Uint8Array.from({ length: sizeBytes }, (_, index) => driver.memory[at(index)] ?? 0);
        assert.deepEqual(seen, expected.slice(block * 512, block * 512 + sizeBytes));
      }
    }),
    { numRuns: 10 },
  );
});
