import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HypercallRegisters } from './hypercall-control.ts';
import type { HypercallRecorder } from './hypercall-recorder.ts';
import { HypercallStatus } from './hypercall-status.ts';
import { HypervMsr } from './msr-index.ts';
import { PartitionBench } from './testing/partition-bench.ts';

const SIGNAL_EVENT = 0x5dn;
const FAST = 1n << 16n;

type Entry =
  | { readonly vp: number; readonly registers: HypercallRegisters; readonly input: Uint8Array | undefined }
  | { readonly result: bigint };

class Notes implements HypercallRecorder {
  readonly entries: Entry[] = [];

  hypercall(vp: number, registers: HypercallRegisters, input: Uint8Array | undefined): void {
    this.entries.push({ vp, registers, input: input?.slice() });
  }

  hypercallEnded(result: bigint): void {
    this.entries.push({ result });
  }
}

function recorded() {
  const notes = new Notes();
  const tap: { recorder: Notes | undefined } = { recorder: notes };
  const bench = new PartitionBench({ tap });
  bench.partition.writeMsr(0, HypervMsr.GUEST_OS_ID, 1n << 63n);
  bench.partition.writeMsr(0, HypervMsr.HYPERCALL, 0x1001n);
  bench.takeEvents();
  return { bench, notes, tap };
}

test('a recorder hears who calls, what was taken in, and what came of it', () => {
  const { bench, notes } = recorded();
  bench.answer = HypercallStatus.INVALID_CONNECTION_ID;
  const registers = { control: SIGNAL_EVENT | FAST, input: 0x0000_0007_0000_0005n, output: 0n };
  const result = bench.partition.hypercall(1, registers);
  assert.equal(result, BigInt(HypercallStatus.INVALID_CONNECTION_ID));
  assert.deepEqual(notes.entries, [{ vp: 1, registers, input: Uint8Array.of(5, 0, 0, 0, 7, 0, 0, 0) }, { result }]);
});

test('of a call that is refused for its registers it hears without an input', () => {
  const { bench, notes } = recorded();
  const registers = { control: 0xffffn, input: 0n, output: 0n };
  const result = bench.partition.hypercall(0, registers);
  assert.deepEqual(notes.entries, [{ vp: 0, registers, input: undefined }, { result }]);
  assert.equal(result, BigInt(HypercallStatus.INVALID_HYPERCALL_CODE));
});

test('it can be taken out while everything runs', () => {
  const { bench, notes, tap } = recorded();
  tap.recorder = undefined;
  const registers = { control: SIGNAL_EVENT | FAST, input: 5n, output: 0n };
  assert.equal(bench.partition.hypercall(1, registers), 0n);
  assert.deepEqual(notes.entries, []);
  assert.deepEqual(bench.takeEvents(), [{ call: 'signalEvent', connectionId: 5, flag: 0 }]);
});
