import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CrashReport, GuestOs, RetargetRequest } from '../hyperv/index.ts';
import { HYPERCALL_PORT, HypercallStatus, HypervMsr } from '../hyperv/index.ts';
import { PlainGuestMemory } from '../hyperv/testing/index.ts';
import { ExitReason } from '../linux/index.ts';
import { ProtocolVersion, VMBUS_MESSAGE_TYPE, VMBUS_SINT } from '../vmbus/index.ts';
import { serveExit } from './exits.ts';
import { createHypervisor, type HypervisorPort } from './hypervisor.ts';
import type { InterruptTarget } from './interrupts/msi-address.ts';
import { AddressMap } from './memory/address-map.ts';
import { ExitPage } from './testing/exit-page.ts';

const INPUT = 0x20_0000;
const SIMP = 0x30_0000;
const SINT_MESSAGE_BYTES = 256;
/** Where the message slot of VMBus is: type u32, payload size u8, flags u8 (bit 0: more wait), payload from byte 16. */
const SLOT = SIMP + VMBUS_SINT * SINT_MESSAGE_BYTES;
const PAYLOAD_AT = 16;

/** A guest that has named itself, made a hypercall page and turned its SynIC on, as Linux does before it looks for VMBus. */
function guest() {
  const memory = new PlainGuestMemory();
  const raised: InterruptTarget[] = [];
  const crashes: CrashReport[] = [];
  const guestOs: (GuestOs | undefined)[] = [];
  const retargets: RetargetRequest[] = [];
  const log: string[] = [];
  const port: HypervisorPort = {
    raise: (target) => void raised.push(target),
    retarget: (request) => {
      retargets.push(request);
      return HypercallStatus.SUCCESS;
    },
    assistPage: () => undefined,
    crashed: (report) => void crashes.push(report),
    guestOs: (os) => void guestOs.push(os),
    connected: () => undefined,
    log: ({ code }) => void log.push(code),
  };
  const { partition, vmbus } = createHypervisor({
    vcpus: 2,
    memory,
    tscHz: 2_000_000_000,
    offered: { tscInvariant: true, lazyEoi: false },
    vmbusMaxVersion: ProtocolVersion.V5_3,
    port,
  });
  const exit = new ExitPage();
  const handling = { partition, addresses: new AddressMap(), readHwcr: () => 0n, end: () => undefined };
  const serve = (): void => serveExit(0, exit.page, handling);
  const writeMsr = (index: number, value: bigint): void => {
    exit.writeMsr(index, value);
    assert.equal(exit.page.exitReason, ExitReason.writeMsr);
    serve();
    assert.equal(exit.msrAnswer.fault, false);
  };
  const call = (control: bigint): bigint => {
    exit.out(HYPERCALL_PORT, 4, 0).setReg('rcx', control).setReg('rdx', BigInt(INPUT)).setReg('r8', 0n);
    serve();
    return exit.reg('rax');
  };
  /** HvCallPostMessage (TLFS): connection u32, padding, type u32, size u32, payload. */
  const post = (connectionId: number, payload: readonly number[]): bigint => {
    const input = new Uint8Array(256);
    const view = new DataView(input.buffer);
    view.setUint32(0, connectionId, true);
    view.setUint32(8, VMBUS_MESSAGE_TYPE, true);
    view.setUint32(12, payload.length, true);
    input.set(payload, 16);
    memory.poke(INPUT, input);
    return call(0x5cn);
  };
  writeMsr(HypervMsr.GUEST_OS_ID, 0x8100_0006_0100_0000n);
  writeMsr(HypervMsr.HYPERCALL, 0x10_0001n);
  writeMsr(HypervMsr.SIMP, BigInt(SIMP) | 1n);
  writeMsr(HypervMsr.SINT0 + VMBUS_SINT, 0xf3n);
  writeMsr(HypervMsr.SCONTROL, 1n);
  /** Version 5.3, for VP 0 and SINT 2. */
  const contact = (): bigint =>
    post(4, [14, 0, 0, 0, 0, 0, 0, 0, 3, 0, 5, 0, 0, 0, 0, 0, VMBUS_SINT, ...Array<number>(23).fill(0)]);
  const takeMessage = (): Uint8Array | undefined => {
    const header = memory.peek(SLOT, PAYLOAD_AT);
    if (header[0] === 0) return undefined;
    const payload = memory.peek(SLOT + PAYLOAD_AT, header[4] ?? 0);
    memory.poke(SLOT, new Uint8Array(4));
    if (((header[5] ?? 0) & 1) !== 0) writeMsr(HypervMsr.EOM, 0n);
    return payload;
  };
  return {
    memory,
    raised,
    crashes,
    guestOs,
    retargets,
    log,
    partition,
    vmbus,
    writeMsr,
    call,
    contact,
    post,
    takeMessage,
  };
}

test("a hypercall reaches VMBus, whose answer comes into the guest's message slot with an interrupt", () => {
  const { contact, takeMessage, raised } = guest();
  assert.equal(contact(), BigInt(HypercallStatus.SUCCESS));
  assert.deepEqual(raised, [{ vp: 0, vector: 0xf3 }]);
  const answer = takeMessage();
  assert.ok(answer);
  assert.deepEqual([answer[0], answer[8]], [15, 1], 'VERSION_RESPONSE: supported');
});

test('VMBus agrees to no later version than it was told', () => {
  const { post, takeMessage } = guest();
  post(4, [14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, VMBUS_SINT, ...Array<number>(23).fill(0)]);
  assert.deepEqual(takeMessage()?.subarray(8, 9), Uint8Array.of(0));
});

test('the operating system that comes and goes is told; VMBus begins anew with the next', () => {
  const { vmbus, contact, writeMsr, guestOs } = guest();
  contact();
  assert.notEqual(vmbus.snapshot().connection, undefined);
  writeMsr(HypervMsr.GUEST_OS_ID, 0n);
  assert.equal(vmbus.snapshot().connection, undefined);
  assert.equal(guestOs.length, 2);
  assert.ok(guestOs[0]);
  assert.equal(guestOs[1], undefined);
});

test('a crash is told', () => {
  const { writeMsr, crashes } = guest();
  for (let i = 0; i < 5; i++) writeMsr(HypervMsr.CRASH_P0 + i, BigInt(i));
  writeMsr(HypervMsr.CRASH_CTL, 1n << 63n);
  assert.equal(crashes.length, 1);
  assert.equal(crashes[0]?.vp, 0);
});

test('the guest learns how fast its clocks run', () => {
  const { partition } = guest();
  assert.equal(partition.readMsr(0, HypervMsr.TSC_FREQUENCY), 2_000_000_000n);
  assert.equal(partition.readMsr(0, HypervMsr.APIC_FREQUENCY), 1_000_000_000n);
});

test('a guest that connects over and over and reads nothing leaves nothing behind but the last answer', () => {
  const { vmbus, contact, takeMessage, log, partition } = guest();
  for (let i = 0; i < 1000; i++) assert.equal(contact(), BigInt(HypercallStatus.SUCCESS));
  assert.ok(partition.pendingMessages <= 1, `${partition.pendingMessages} wait`);
  assert.ok(log.length < 100, `${log.length} entries in the log`);
  let answers = 0;
  while (takeMessage() !== undefined) answers += 1;
  assert.ok(answers <= 2, 'the one that lay in the slot, and the last');
  assert.notEqual(vmbus.snapshot().connection, undefined);
});

test('a retargeted interrupt is passed on, and its status back; a signal to no channel is refused', () => {
  const { call, memory, retargets } = guest();
  // HvCallRetargetDeviceInterrupt (TLFS): partition, device, MSI entry, vector, flags, VP mask.
  const input = new Uint8Array(56);
  const view = new DataView(input.buffer);
  view.setBigUint64(0, -1n, true);
  view.setBigUint64(8, 0x1_0000n, true);
  view.setUint32(16, 1, true);
  view.setUint32(24, 0xfee0_0010, true);
  view.setUint32(28, 7, true);
  view.setUint32(40, 0x31, true);
  view.setBigUint64(48, 2n, true);
  memory.poke(INPUT, input);
  assert.equal(call(0x7en), BigInt(HypercallStatus.SUCCESS));
  assert.deepEqual(retargets, [
    {
      deviceId: 0x1_0000,
      message: { addressLow: 0xfee0_0010, data: 7 },
      vector: 0x31,
      vps: [1],
      multicast: false,
    },
  ]);
  memory.poke(INPUT, new Uint8Array(8));
  assert.notEqual(call(0x5dn), BigInt(HypercallStatus.SUCCESS));
});
