import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HypercallStatus } from './hypercall-status.ts';
import { HypervMsr } from './msr-index.ts';
import { hex, PartitionBench } from './testing/partition-bench.ts';

/** RETARGET_INTERRUPT as Linux 6.1.192 sends it at vPCI 1.4: token data 0x60, vector 0x21, to VP 1. */
const RETARGET = hex(`ffffffffffffffff 3012cd9b00000000 01000000 00000000 0000e0fe 60000000 0000000000000000
  21000000 02000000 0000000000000000 0100000000000000 0200000000000000`);
/** The same at vPCI 1.1: a mask instead of a set. */
const RETARGET_MASK = hex(`ffffffffffffffff 3012cd9b00000000 01000000 00000000 0000e0fe 60000000 0000000000000000
  21000000 00000000 0200000000000000`);
const REQUEST = {
  deviceId: 0x9bcd1230,
  message: { addressLow: 0xfee00000, data: 0x60 },
  vector: 0x21,
  vps: [1],
  multicast: false,
};
const INPUT = 0x4000;
/** What Linux 6.1 leaves in R8. */
const RUBBISH = 0xffff_8880_1234_5678n;

function started(vpCount = 2): PartitionBench {
  const bench = new PartitionBench({ vpCount });
  bench.partition.writeMsr(0, HypervMsr.GUEST_OS_ID, 1n << 63n);
  bench.partition.writeMsr(0, HypervMsr.HYPERCALL, 0x1001n);
  bench.takeEvents();
  return bench;
}

function call(bench: PartitionBench, control: bigint, input: bigint | Uint8Array, gpa = INPUT): bigint {
  if (typeof input === 'bigint') return bench.partition.hypercall(1, { control, input, output: RUBBISH });
  bench.memory.poke(gpa, input);
  return bench.partition.hypercall(1, { control, input: BigInt(gpa), output: 0n });
}

function post(connectionId: number, messageType: number, size: number, payload: Uint8Array): Uint8Array {
  const input = new Uint8Array(256);
  const view = new DataView(input.buffer);
  view.setUint32(0, connectionId, true);
  view.setUint32(8, messageType, true);
  view.setUint32(12, size, true);
  input.set(payload, 16);
  return input;
}

/** RETARGET with some bytes changed. */
function altered(base: Uint8Array, at: number, bytes: string): Uint8Array {
  const copy = base.slice();
  copy.set(hex(bytes), at);
  return copy;
}

test('POST_MESSAGE: INITIATE_CONTACT 5.3 of a real guest', () => {
  const bench = started();
  const contact = hex('0e000000 00000000 03000500 00000000 02000000 00000000 00909a01 00000000 00809a01 00000000');
  assert.equal(call(bench, 0x5cn, post(4, 1, 40, contact)), 0n);
  assert.deepEqual(bench.takeEvents(), [{ call: 'postMessage', connectionId: 4, messageType: 1, payload: contact }]);
});

test('POST_MESSAGE: the longest payload, the shortest, and the refused ones', () => {
  const bench = started();
  const full = new Uint8Array(240).fill(0xa5);
  assert.equal(call(bench, 0x5cn, post(1, 0x7fffffff, 240, full)), 0n);
  assert.equal(call(bench, 0x5cn, post(1, 1, 0, full)), 0n);
  assert.deepEqual(bench.takeEvents(), [
    { call: 'postMessage', connectionId: 1, messageType: 0x7fffffff, payload: full },
    { call: 'postMessage', connectionId: 1, messageType: 1, payload: new Uint8Array() },
  ]);
  for (const [type, size] of [
    [1, 241],
    [1, 0xffffffff],
    [0, 8],
    [0x80000000, 8],
  ] as const) {
    assert.equal(call(bench, 0x5cn, post(1, type, size, full)), BigInt(HypercallStatus.INVALID_PARAMETER));
  }
  assert.deepEqual(bench.takeEvents(), []);
});

test('POST_MESSAGE: the payload is a copy, and the answer goes back', () => {
  const bench = started();
  bench.answer = HypercallStatus.INSUFFICIENT_BUFFERS;
  assert.equal(call(bench, 0x5cn, post(1, 1, 4, Uint8Array.of(1, 2, 3, 4))), 0x13n);
  bench.memory.poke(INPUT, new Uint8Array(256));
  const [event] = bench.takeEvents();
  assert.deepEqual(event?.call === 'postMessage' && event.payload, Uint8Array.of(1, 2, 3, 4));
});

test('SIGNAL_EVENT: fast, with rubbish in R8, and from memory', () => {
  const bench = started();
  assert.equal(call(bench, 0x1_005dn, 0x2001n), 0n);
  assert.equal(call(bench, 0x1_005dn, 0x07ff_ffff_ffffn), 0n);
  assert.equal(call(bench, 0x5dn, hex('01200000 0300 0000')), 0n);
  assert.deepEqual(bench.takeEvents(), [
    { call: 'signalEvent', connectionId: 0x2001, flag: 0 },
    { call: 'signalEvent', connectionId: 0xffffffff, flag: 0x7ff },
    { call: 'signalEvent', connectionId: 0x2001, flag: 3 },
  ]);
  assert.equal(call(bench, 0x1_005dn, 0x0800_0000_2001n), BigInt(HypercallStatus.INVALID_PARAMETER));
  bench.answer = HypercallStatus.INVALID_CONNECTION_ID;
  assert.equal(call(bench, 0x1_005dn, 0x9999n), 0x12n);
});

test('RETARGET_INTERRUPT: both forms of a real guest', () => {
  const bench = started();
  assert.equal(RETARGET.length, 72);
  assert.equal(call(bench, 0x4_007en, RETARGET), 0n);
  assert.equal(call(bench, 0x7en, RETARGET_MASK), 0n);
  assert.deepEqual(bench.takeEvents(), [
    { call: 'retargetInterrupt', request: REQUEST },
    { call: 'retargetInterrupt', request: REQUEST },
  ]);
});

test('RETARGET_INTERRUPT: several VPs, empty banks, all VPs, multicast', () => {
  const bench = started(64);
  const vps = (control: bigint, input: Uint8Array): unknown => {
    assert.equal(call(bench, control, input), 0n);
    const [event] = bench.takeEvents();
    return event?.call === 'retargetInterrupt' ? [event.request.vps, event.request.multicast] : undefined;
  };
  assert.deepEqual(vps(0x7en, altered(RETARGET_MASK, 48, '05000000 00000080')), [[0, 2, 63], false]);
  assert.deepEqual(vps(0x7en, altered(RETARGET_MASK, 44, '01')), [[1], true]);
  const empty = new Uint8Array(80);
  empty.set(altered(RETARGET, 56, '0300000000000000'));
  assert.deepEqual(vps(0x6_007en, empty), [[1], false]);
  const all = altered(RETARGET, 48, '0100000000000000').slice(0, 56);
  assert.deepEqual(vps(0x7en, all), [Array.from({ length: 64 }, (_, vp) => vp), false]);
});

test('RETARGET_INTERRUPT: refused, each for its own reason', () => {
  const bench = started();
  const { INVALID_PARTITION_ID, INVALID_PARAMETER, INVALID_VP_INDEX, INVALID_HYPERCALL_INPUT } = HypercallStatus;
  for (const [name, control, input, status] of [
    ['another partition', 0x4_007en, altered(RETARGET, 0, '00'), INVALID_PARTITION_ID],
    ['a device id above 32 bits', 0x4_007en, altered(RETARGET, 12, '01'), INVALID_PARAMETER],
    ['not an MSI', 0x4_007en, altered(RETARGET, 16, '02'), INVALID_PARAMETER],
    ["a vector of the CPU's", 0x4_007en, altered(RETARGET, 40, '0f'), INVALID_PARAMETER],
    ['a vector above 255', 0x4_007en, altered(RETARGET, 41, '01'), INVALID_PARAMETER],
    ['an unknown flag', 0x4_007en, altered(RETARGET, 44, '06'), INVALID_PARAMETER],
    ['an unknown set format', 0x4_007en, altered(RETARGET, 48, '02'), INVALID_PARAMETER],
    ['no VP at all', 0x4_007en, altered(RETARGET, 64, '00'), INVALID_PARAMETER],
    ['no VP in the mask', 0x7en, altered(RETARGET_MASK, 48, '00'), INVALID_PARAMETER],
    ['a VP that is not there', 0x4_007en, altered(RETARGET, 64, '04'), INVALID_VP_INDEX],
    ['a VP that is not there, in the mask', 0x7en, altered(RETARGET_MASK, 48, '06'), INVALID_VP_INDEX],
    ['a VP in a bank beyond', 0x4_007en, altered(RETARGET, 56, '02'), INVALID_VP_INDEX],
    ['more banks than header', 0x4_007en, altered(RETARGET, 56, '03'), INVALID_HYPERCALL_INPUT],
    ['fewer banks than header', 0x4_007en, altered(RETARGET, 56, '00'), INVALID_HYPERCALL_INPUT],
    ['a set without its mask', 0x7en, altered(RETARGET, 48, '00'), INVALID_HYPERCALL_INPUT],
    ['a mask with a variable header', 0x4_007en, altered(RETARGET, 44, '00'), INVALID_HYPERCALL_INPUT],
    ['a longer header than any set', 0x84_007en, RETARGET, INVALID_HYPERCALL_INPUT],
    ['fast', 0x5_007en, RETARGET, INVALID_HYPERCALL_INPUT],
  ] as const) {
    assert.equal(call(bench, control, input), BigInt(status), name);
  }
  assert.deepEqual(bench.takeEvents(), []);
});

test('64 announced banks are decoded, and not one byte more', () => {
  const bench = started(64);
  const input = new Uint8Array(64 + 64 * 8);
  input.set(altered(RETARGET, 56, 'ffffffffffffffff'));
  assert.equal(call(bench, BigInt(0x7e | (65 << 17)), input), 0n);
  const [event] = bench.takeEvents();
  assert.deepEqual(event?.call === 'retargetInterrupt' && event.request.vps, [1]);
});

test('an unknown call is refused before anything else about it', () => {
  const bench = started();
  for (const control of [0n, 0x2n, 0x46n, 0x8001n, 0xffff_ffff_ffff_0046n]) assert.equal(call(bench, control, 1n), 2n);
});

test('reps, reserved bits and variable headers that a call does not have', () => {
  const bench = started();
  for (const extra of [
    1n << 32n,
    0xfffn << 32n,
    1n << 48n,
    (2n << 32n) | (1n << 48n),
    1n << 31n,
    1n << 27n,
    1n << 63n,
    1n << 17n,
  ]) {
    for (const code of [0x5cn, 0x5dn]) {
      assert.equal(call(bench, code | extra, post(1, 1, 0, new Uint8Array())), 3n, `${extra.toString(16)} on ${code}`);
    }
  }
  assert.equal(call(bench, 0x4_007en | (1n << 32n), RETARGET), 3n);
  assert.equal(call(bench, 0x1_005cn, BigInt(INPUT)), 3n, 'a message does not fit into two registers');
  assert.deepEqual(bench.takeEvents(), []);
});

test('input must be aligned, within one page, and RAM', () => {
  const bench = started();
  const message = post(1, 1, 0, new Uint8Array());
  assert.equal(call(bench, 0x5cn, message, 0x4f00), 0n, 'the last 256 bytes of a page');
  assert.equal(call(bench, 0x5cn, message, 0x4f08), 4n, 'across a page');
  assert.equal(call(bench, 0x5cn, message, 0x4004), 4n, 'misaligned');
  for (const gpa of [0x1000_0000n, 0x100_0000n - 8n, 1n << 53n, 0xffff_ffff_ffff_fff8n]) {
    assert.equal(call(bench, 0x5cn, gpa), 4n, gpa.toString(16));
  }
  assert.equal(bench.takeEvents().length, 1);
});

test('before the page is enabled there are no hypercalls', () => {
  const bench = new PartitionBench();
  assert.equal(call(bench, 0x1_005dn, 1n), BigInt(HypercallStatus.OPERATION_DENIED));
  assert.deepEqual(bench.takeEvents(), []);
});
