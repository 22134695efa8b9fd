import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HypervMsr, MSR_FILTER_RANGE } from './msr-index.ts';
import { PartitionBench } from './testing/partition-bench.ts';

const BEYOND_RAM = 0x1000_0000n;

test('the reset values; what can only be read or only be written; everything else faults', () => {
  const { partition } = new PartitionBench({ vpCount: 3 });
  const readable = new Map<number, bigint>();
  const { base, count } = MSR_FILTER_RANGE;
  for (let msr = base; msr < base + count; msr++) {
    const value = partition.readMsr(2, msr);
    if (value !== 'fault') readable.set(msr, value);
  }
  const sints = Array.from({ length: 16 }, (_, sint): [number, bigint] => [HypervMsr.SINT0 + sint, 0x10000n]);
  assert.deepEqual(
    [...readable],
    [
      [HypervMsr.GUEST_OS_ID, 0n],
      [HypervMsr.HYPERCALL, 0n],
      [HypervMsr.VP_INDEX, 2n],
      [HypervMsr.REFERENCE_TSC, 0n],
      [HypervMsr.TSC_FREQUENCY, 2_500_000_000n],
      [HypervMsr.APIC_FREQUENCY, 1_000_000_000n],
      [HypervMsr.VP_ASSIST_PAGE, 0n],
      [HypervMsr.SCONTROL, 0n],
      [HypervMsr.SVERSION, 1n],
      [HypervMsr.SIEFP, 0n],
      [HypervMsr.SIMP, 0n],
      ...sints,
      ...[0x100, 0x101, 0x102, 0x103, 0x104].map((n): [number, bigint] => [base + n, 0n]),
      [HypervMsr.CRASH_CTL, 0xc000_0000_0000_0000n],
      [HypervMsr.TSC_INVARIANT_CONTROL, 0n],
    ],
  );
  for (const msr of [HypervMsr.VP_INDEX, HypervMsr.TSC_FREQUENCY, HypervMsr.APIC_FREQUENCY, HypervMsr.SVERSION]) {
    assert.equal(partition.writeMsr(2, msr, 0n), 'fault');
  }
  assert.equal(partition.writeMsr(2, HypervMsr.EOM, 0n), 'accepted');
  for (const msr of [
    HypervMsr.RESET,
    HypervMsr.VP_RUNTIME,
    HypervMsr.TIME_REF_COUNT,
    HypervMsr.EOI,
    HypervMsr.STIMER0_CONFIG,
    HypervMsr.GUEST_IDLE,
    HypervMsr.REENLIGHTENMENT_CONTROL,
    base + 0x3ff,
  ]) {
    assert.equal(partition.readMsr(2, msr), 'fault');
    assert.equal(partition.writeMsr(2, msr, 1n), 'fault');
  }
});

test('TSC_INVARIANT_CONTROL has one bit', () => {
  const { partition } = new PartitionBench();
  assert.equal(partition.writeMsr(0, HypervMsr.TSC_INVARIANT_CONTROL, 2n), 'fault');
  assert.equal(partition.writeMsr(0, HypervMsr.TSC_INVARIANT_CONTROL, 1n), 'accepted');
  assert.equal(partition.readMsr(1, HypervMsr.TSC_INVARIANT_CONTROL), 1n, 'one for all VPs');
});

test('the hypercall page needs a guest OS id, RAM, and no lock', () => {
  const { partition, memory } = new PartitionBench();
  const write = (msr: number, value: bigint): string => partition.writeMsr(0, msr, value);
  assert.equal(write(HypervMsr.HYPERCALL, 0x5ff1n), 'accepted');
  assert.equal(partition.readMsr(0, HypervMsr.HYPERCALL), 0x5ff0n, 'no OS id: not enabled, the rest kept');
  assert.equal(partition.hypercallsEnabled, false);

  assert.equal(write(HypervMsr.GUEST_OS_ID, 1n << 63n), 'accepted');
  assert.equal(write(HypervMsr.HYPERCALL, BEYOND_RAM | 1n), 'fault');
  assert.equal(partition.readMsr(0, HypervMsr.HYPERCALL), 0x5ff0n, 'a refused write changes nothing');
  assert.equal(write(HypervMsr.HYPERCALL, 0xffff_ffff_ffff_f001n), 'fault');

  assert.equal(write(HypervMsr.HYPERCALL, 0x5001n), 'accepted');
  assert.equal(memory.peek(0x5004, 1)[0], 0xe7);
  // The guest runs it now: an unchanged address is not written again.
  memory.poke(0x5004, Uint8Array.of(0x90));
  assert.equal(write(HypervMsr.HYPERCALL, 0x5ff1n), 'accepted');
  assert.equal(memory.peek(0x5004, 1)[0], 0x90);
  assert.equal(write(HypervMsr.HYPERCALL, 0x6003n), 'accepted');
  assert.equal(memory.peek(0x6004, 1)[0], 0xe7);
  assert.equal(write(HypervMsr.HYPERCALL, 0n), 'fault', 'locked');
  assert.equal(partition.hypercallsEnabled, true);
  partition.reset();
  assert.equal(partition.readMsr(0, HypervMsr.HYPERCALL), 0n);
  assert.equal(partition.hypercallsEnabled, false);
});

test('without an invariant TSC: the counter, the reference TSC page, and no TSC_INVARIANT_CONTROL', () => {
  const bench = new PartitionBench({ tscInvariant: false });
  const { partition, memory } = bench;
  bench.nowNs = 1_234_567_890n;
  assert.equal(partition.readMsr(0, HypervMsr.TIME_REF_COUNT), 12_345_678n);
  assert.equal(partition.writeMsr(0, HypervMsr.TIME_REF_COUNT, 0n), 'fault');
  assert.equal(partition.readMsr(0, HypervMsr.TSC_INVARIANT_CONTROL), 'fault');
  assert.equal(partition.writeMsr(0, HypervMsr.TSC_INVARIANT_CONTROL, 1n), 'fault');
  assert.equal(partition.writeMsr(1, HypervMsr.REFERENCE_TSC, 0x7001n), 'accepted');
  assert.equal(
    Buffer.from(memory.peek(0x7000, 24)).toString('hex'),
    '0100000000000000be9f1a2fdd2406010000000000000000',
  );
  assert.equal(partition.writeMsr(0, HypervMsr.REFERENCE_TSC, BEYOND_RAM | 1n), 'fault');
  assert.equal(partition.readMsr(0, HypervMsr.REFERENCE_TSC), 0x7001n);
});

test('with one: the reference TSC page can be disabled, not enabled', () => {
  const { partition, memory } = new PartitionBench();
  assert.equal(partition.writeMsr(0, HypervMsr.REFERENCE_TSC, 0x7001n), 'fault');
  assert.equal(partition.writeMsr(0, HypervMsr.REFERENCE_TSC, 0x7000n), 'accepted');
  assert.equal(partition.readMsr(0, HypervMsr.REFERENCE_TSC), 0x7000n);
  assert.ok(memory.peek(0x7000, 4096).every((byte) => byte === 0));
});

test('a VP that does not exist is a mistake of the caller', () => {
  const { partition } = new PartitionBench();
  assert.throws(() => partition.readMsr(2, HypervMsr.VP_INDEX), RangeError);
  assert.throws(() => partition.hypercall(-1, { control: 0n, input: 0n, output: 0n }), RangeError);
  assert.throws(() => new PartitionBench({ vpCount: 65 }), RangeError);
  assert.throws(() => new PartitionBench({ tscHz: 10_000_000 }), RangeError);
  assert.throws(() => new PartitionBench({ apicHz: 0 }), RangeError);
});

test('a VP assist page is made known only where interrupts end lazily, and only if it lies in RAM', () => {
  for (const lazyEoi of [false, true]) {
    const bench = new PartitionBench({ lazyEoi });
    for (const value of [0x5001n, BEYOND_RAM | 1n, 0x5000n, 0n, 0xffff_ffff_ffff_ffffn]) {
      assert.equal(bench.partition.writeMsr(1, HypervMsr.VP_ASSIST_PAGE, value), 'accepted');
      assert.equal(bench.partition.readMsr(1, HypervMsr.VP_ASSIST_PAGE), value);
    }
    const told = bench.takeEvents().map((event) => event.call === 'assistPageChanged' && [event.vp, event.gpa]);
    const off = [1, undefined];
    assert.deepEqual(told, lazyEoi ? [[1, 0x5000n], off, off, off, off] : []);
  }
});
