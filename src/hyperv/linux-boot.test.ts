import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HypervMsr } from './msr-index.ts';
import { PartitionBench } from './testing/partition-bench.ts';

const PAGE = 4096;
const HYPERCALL_GPA = 0x10_0000;
const LINUX_6_1_192 = 0x8100_0006_01c0_0000n;

/** The MSR accesses of Debian's 6.1.192, in their order, with 2 VPs. */
test('Linux 6.1 comes up, loads hv_vmbus, takes a CPU offline, and leaves for another kernel', () => {
  const bench = new PartitionBench();
  const { partition, memory } = bench;
  const read = (vp: number, msr: number, expected: bigint): void => assert.equal(partition.readMsr(vp, msr), expected);
  const write = (vp: number, msr: number, value: bigint): void =>
    assert.equal(partition.writeMsr(vp, msr, value), 'accepted');

  // The boot CPU, early.
  read(0, HypervMsr.APIC_FREQUENCY, 1_000_000_000n);
  write(0, HypervMsr.TSC_INVARIANT_CONTROL, 1n);
  read(0, HypervMsr.TSC_INVARIANT_CONTROL, 1n);
  read(0, HypervMsr.TSC_FREQUENCY, 2_500_000_000n);
  read(0, HypervMsr.TSC_FREQUENCY, 2_500_000_000n);

  // hyperv_init.
  read(0, HypervMsr.VP_INDEX, 0n);
  write(0, HypervMsr.VP_ASSIST_PAGE, 0x20_0001n);
  assert.equal(partition.hypercallsEnabled, false);
  write(0, HypervMsr.GUEST_OS_ID, LINUX_6_1_192);
  read(0, HypervMsr.HYPERCALL, 0n);
  assert.ok(memory.peek(HYPERCALL_GPA, PAGE).every((byte) => byte === 0));
  write(0, HypervMsr.HYPERCALL, BigInt(HYPERCALL_GPA) | 1n);
  assert.equal(partition.hypercallsEnabled, true);
  const page = Buffer.from(memory.peek(HYPERCALL_GPA, PAGE));
  assert.equal(page.subarray(0, 7).toString('hex'), 'f30f1efae79cc3');
  assert.ok(page.subarray(7).every((byte) => byte === 0xcc));

  // The other CPU.
  read(1, HypervMsr.VP_INDEX, 1n);
  write(1, HypervMsr.VP_ASSIST_PAGE, 0x20_1001n);

  // modprobe hv_vmbus.
  read(0, HypervMsr.HYPERCALL, BigInt(HYPERCALL_GPA) | 1n);
  for (const vp of [0, 1]) {
    const base = BigInt(0x30_0000 + vp * 0x1_0000);
    read(vp, HypervMsr.SIMP, 0n);
    write(vp, HypervMsr.SIMP, base | 1n);
    read(vp, HypervMsr.SIEFP, 0n);
    write(vp, HypervMsr.SIEFP, (base + 0x1000n) | 1n);
    read(vp, HypervMsr.SINT0 + 2, 0x10000n);
    write(vp, HypervMsr.SINT0 + 2, 0xf3n);
    read(vp, HypervMsr.SCONTROL, 0n);
    write(vp, HypervMsr.SCONTROL, 1n);
  }
  // Whether a panic may bring its log along: bit 62.
  read(0, HypervMsr.CRASH_CTL, 0xc000_0000_0000_0000n);
  assert.deepEqual(bench.takeEvents(), [
    { call: 'guestOsChanged', guestOs: { id: LINUX_6_1_192, name: 'Linux 6.1.192' } },
  ]);
  const state = partition.state();
  assert.equal(state.guestOs?.name, 'Linux 6.1.192');
  assert.deepEqual(state.vps[1], {
    assistPage: 0x20_1001n,
    scontrol: 1n,
    simp: 0x31_0001n,
    siefp: 0x31_1001n,
    sints: Array.from({ length: 16 }, (_, sint) => (sint === 2 ? 0xf3n : 0x10000n)),
    pendingMessages: 0,
  });

  // A message each, and an interrupt each.
  assert.equal(partition.postMessage(1, 2, 1, Uint8Array.of(7)), 'queued');
  assert.equal(partition.signalEvent(0, 2, 5), 'signalled');
  assert.deepEqual(bench.takeEvents(), [
    { call: 'assertInterrupt', vp: 1, vector: 0xf3 },
    { call: 'assertInterrupt', vp: 0, vector: 0xf3 },
  ]);
  write(1, HypervMsr.EOM, 0n);

  // CPU 1 goes offline: what comes for it then waits.
  write(1, HypervMsr.SINT0 + 2, 0x100f3n);
  write(1, HypervMsr.SIMP, 0n);
  write(1, HypervMsr.SIEFP, 0n);
  write(1, HypervMsr.SCONTROL, 0n);
  write(1, HypervMsr.VP_ASSIST_PAGE, 0n);
  assert.equal(partition.postMessage(1, 2, 1, Uint8Array.of(8)), 'queued');
  assert.equal(partition.pendingMessages, 1);
  assert.equal(partition.signalEvent(1, 2, 5), 'held');
  assert.deepEqual(bench.takeEvents(), []);
  // There is no VP 2.
  assert.equal(partition.postMessage(2, 2, 1, Uint8Array.of(8)), 'refused');
  assert.equal(partition.signalEvent(2, 2, 5), 'refused');

  // kexec: REFERENCE_TSC is touched although it was never offered.
  write(0, HypervMsr.GUEST_OS_ID, 0n);
  assert.equal(partition.hypercallsEnabled, false);
  read(0, HypervMsr.HYPERCALL, BigInt(HYPERCALL_GPA));
  write(0, HypervMsr.HYPERCALL, 0n);
  read(0, HypervMsr.REFERENCE_TSC, 0n);
  write(0, HypervMsr.REFERENCE_TSC, 0n);
  assert.deepEqual(bench.takeEvents(), [{ call: 'guestOsChanged', guestOs: undefined }]);

  // The other kernel must not find what was meant for this one.
  partition.discardMessages();
  assert.equal(partition.pendingMessages, 0);
  write(1, HypervMsr.SIMP, 0x40_0001n);
  write(1, HypervMsr.SIEFP, 0x40_1001n);
  write(1, HypervMsr.SINT0 + 2, 0xf3n);
  write(1, HypervMsr.SCONTROL, 1n);
  assert.deepEqual(bench.takeEvents(), []);
});
