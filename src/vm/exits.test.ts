import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HYPERCALL_PORT, HypercallStatus, HypervMsr, Partition } from '../hyperv/index.ts';
import { PlainGuestMemory } from '../hyperv/testing/index.ts';
import { ExitReason } from '../linux/index.ts';
import { serveExit } from './exits.ts';
import type { MachineEnd } from './machine-end.ts';
import { AddressMap } from './memory/address-map.ts';
import { ExitPage } from './testing/exit-page.ts';

const HWCR = 0xc001_0015;
/** HvCallSignalEvent, fast (TLFS "Hypercall Interface"). */
const SIGNAL_EVENT = 0x1_005dn;

/** A vCPU of a two-processor partition whose guest can be given hypercalls. */
function bench() {
  const ends: MachineEnd[] = [];
  const signals: [number, number][] = [];
  const memory = new PlainGuestMemory();
  const partition = new Partition({
    vpCount: 2,
    memory,
    tscHz: 2_000_000_000,
    apicHz: 1_000_000_000,
    tscInvariant: true,
    lazyEoi: false,
    port: {
      postMessage: () => HypercallStatus.SUCCESS,
      signalEvent: (connectionId, flag) => {
        signals.push([connectionId, flag]);
        return HypercallStatus.INVALID_CONNECTION_ID;
      },
      retargetInterrupt: () => HypercallStatus.SUCCESS,
      assertInterrupt: () => undefined,
      assistPageChanged: () => undefined,
      crashed: () => undefined,
      guestOsChanged: () => undefined,
      elapsedNs: () => 0n,
    },
  });
  const addresses = new AddressMap();
  const exit = new ExitPage();
  const serve = (vcpu = 0): void =>
    serveExit(vcpu, exit.page, {
      partition,
      addresses,
      readHwcr: (index) => 0x100_0000n + BigInt(index),
      end: (end) => void ends.push(end),
    });
  const enableHypercalls = (): void => {
    partition.writeMsr(0, HypervMsr.GUEST_OS_ID, 0x8100_0000_0000_0000n);
    partition.writeMsr(0, HypervMsr.HYPERCALL, 0x10_0001n);
  };
  return { exit, serve, ends, signals, addresses, partition, enableHypercalls };
}

test('an OUT to the hypercall port is a hypercall: registers in, status out, loaded at the next entry', () => {
  const { exit, serve, signals, enableHypercalls } = bench();
  enableHypercalls();
  exit.out(HYPERCALL_PORT, 4, 0).setReg('rcx', SIGNAL_EVENT).setReg('rdx', 0x0003_0000_0005n).setReg('rax', 0xdeadn);
  serve(1);
  assert.deepEqual(signals, [[5, 3]]);
  assert.deepEqual([exit.reg('rax'), exit.dirtyRegs], [BigInt(HypercallStatus.INVALID_CONNECTION_ID), 1n]);
});

test('any other access to the hypercall port does nothing at all', () => {
  const { exit, serve, signals, ends, enableHypercalls } = bench();
  exit.setReg('rcx', SIGNAL_EVENT).setReg('rdx', 5n).setReg('rax', 0xdeadn);
  exit.out(HYPERCALL_PORT, 4, 0);
  serve();
  enableHypercalls();
  for (const sizeBytes of [1, 2] as const) {
    exit.out(HYPERCALL_PORT, sizeBytes, 0);
    serve();
  }
  exit.out(HYPERCALL_PORT, 4, 0, 0);
  serve();
  assert.deepEqual([signals, ends, exit.reg('rax'), exit.dirtyRegs], [[], [], 0xdeadn, 0n]);
});

test('power ports end the machine, also in a string instruction', () => {
  const { exit, serve, ends } = bench();
  exit.out(0x600, 1, 0x34);
  serve();
  exit.out(0x64, 1, 0xfe);
  serve();
  exit.out(0x602, 1, 0, 0, 1, 1);
  serve();
  assert.deepEqual(ends, [{ kind: 'power-off' }, { kind: 'reset' }, { kind: 'reset' }]);
});

test('writes to power ports that mean nothing end nothing', () => {
  const { exit, serve, ends } = bench();
  for (const [port, size, value] of [
    [0x600, 1, 0x14],
    [0x600, 1, 0x20],
    [0x600, 2, 0x34],
    [0x64, 1, 0xd1],
    [0xcf9, 1, 0x02],
  ] as const) {
    exit.out(port, size, value);
    serve();
  }
  assert.deepEqual(ends, []);
});

test('a memory access goes to whoever has the address', () => {
  const { exit, serve, addresses } = bench();
  const writes: [number, number, bigint][] = [];
  addresses.claim(0x10_e000_0000, 0x1000, {
    read: (offset, sizeBytes) => BigInt(offset * 0x100 + sizeBytes),
    write: (...write) => void writes.push(write),
  });
  exit.mmioRead(0x10_e000_0008, 4);
  serve();
  assert.equal(exit.mmioAnswer, 0x804n);
  exit.mmioWrite(0x10_e000_0010, 8, 0x1122_3344_5566_7788n);
  serve();
  exit.mmioWrite(0x10_e000_0018, 2, 0x1122_3344_5566_7788n);
  serve();
  assert.deepEqual(writes, [
    [0x10, 8, 0x1122_3344_5566_7788n],
    [0x18, 2, 0x7788n],
  ]);
  exit.mmioRead(0x10_e000_1000, 8);
  serve();
  assert.equal(exit.mmioAnswer, 0xffff_ffff_ffff_ffffn);
});

test("MSRs are the partition's; what it refuses faults", () => {
  const { exit, serve, partition } = bench();
  exit.readMsr(HypervMsr.VP_INDEX);
  serve(1);
  assert.deepEqual(exit.msrAnswer, { fault: false, data: 1n });
  exit.writeMsr(HypervMsr.GUEST_OS_ID, 0x8100_0000_0000_0000n);
  serve();
  assert.equal(exit.msrAnswer.fault, false);
  assert.ok(partition.state().guestOs);
  exit.readMsr(0x4000_0fff);
  serve();
  assert.deepEqual(exit.msrAnswer, { fault: true, data: 0n });
  exit.writeMsr(HypervMsr.VP_INDEX, 7n);
  serve();
  assert.equal(exit.msrAnswer.fault, true);
});

test("the one MSR of real hardware is read from the vCPU's own", () => {
  const { exit, serve } = bench();
  exit.readMsr(HWCR);
  serve(1);
  assert.deepEqual(exit.msrAnswer, { fault: false, data: 0x100_0001n });
});

test('exits that end the machine say why', () => {
  const { exit, serve, ends } = bench();
  exit.setReg('rip', 0xffff_ffff_8100_0000n);
  exit.exit(ExitReason.shutdown);
  serve(1);
  exit.exit(ExitReason.systemEvent, [2]);
  serve();
  exit.exit(ExitReason.systemEvent, [1]);
  serve();
  exit.exit(ExitReason.internalError, [1, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6]);
  serve();
  exit.exit(ExitReason.failEntry, [0x21, 0, 0, 0x80]);
  serve();
  exit.exit(ExitReason.unknown, [0x42]);
  serve();
  exit.exit(ExitReason.debug);
  serve();
  exit.exit(26);
  serve();
  const rip = 'RIP 0xffffffff81000000';
  const failure = (detail: string): MachineEnd => ({ kind: 'kvm-failure', vcpu: 0, detail });
  assert.deepEqual(ends, [
    { kind: 'triple-fault', vcpu: 1, rip: 0xffff_ffff_8100_0000n },
    { kind: 'reset' },
    { kind: 'power-off' },
    failure(`internal error, suberror 1 at ${rip}; data 0x5 0x6`),
    failure('the processor refused to enter the guest, reason 0x80000021'),
    failure(`hardware exit reason 0x42 at ${rip}`),
    failure(`debug at ${rip}`),
    failure(`exit reason 26 at ${rip}`),
  ]);
});
