import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_CRASH_REPORTS } from './crash.ts';
import { HypervMsr } from './msr-index.ts';
import { PartitionBench } from './testing/partition-bench.ts';

const NOTIFY = 1n << 63n;
const MESSAGE = 1n << 62n;

function crash(bench: PartitionBench, parameters: readonly bigint[], control: bigint): void {
  parameters.forEach((value, index) => {
    assert.equal(bench.partition.writeMsr(0, HypervMsr.CRASH_P0 + index, value), 'accepted');
  });
  assert.equal(bench.partition.writeMsr(1, HypervMsr.CRASH_CTL, control), 'accepted');
}

test('Linux without a message: the registers of the panic', () => {
  const bench = new PartitionBench();
  const parameters = [0x1n, 0x8100_0006_01c0_0000n, 0xffff_ffff_8100_0000n, 0n, 0xffff_c900_0000_3e00n] as const;
  crash(bench, parameters, NOTIFY);
  assert.deepEqual(bench.takeEvents(), [{ call: 'crashed', report: { vp: 1, parameters } }]);
  assert.equal(bench.partition.readMsr(0, HypervMsr.CRASH_P4), 0xffff_c900_0000_3e00n);
});

test('Linux with a message: the end of its log', () => {
  const bench = new PartitionBench();
  const log = '<0>[    9.1] Kernel panic - not syncing: sysrq triggered crash\n';
  bench.memory.poke(0x8000, Buffer.from(log));
  const parameters = [0n, 0n, 0n, 0x8000n, BigInt(log.length)] as const;
  crash(bench, parameters, NOTIFY | MESSAGE);
  assert.deepEqual(bench.takeEvents(), [{ call: 'crashed', report: { vp: 1, parameters, message: log } }]);
});

test('a message that steers the terminal is defused, padding is cut off', () => {
  const bench = new PartitionBench();
  bench.memory.poke(0x8000, Buffer.from('a\tü\x1b[2J\r\x00b\u202e\n\0\0\0'));
  crash(bench, [0n, 0n, 0n, 0x8000n, 64n], NOTIFY | MESSAGE);
  const [event] = bench.takeEvents();
  assert.equal(event?.call === 'crashed' ? event.report.message : undefined, 'a\tü\ufffd[2J\ufffd\ufffdb\ufffd\n');
});

test('the message is cut at 4096 bytes, whatever size is claimed', () => {
  const bench = new PartitionBench();
  bench.memory.poke(0x8000, new Uint8Array(8192).fill(0x41));
  crash(bench, [0n, 0n, 0n, 0x8000n, 0xffff_ffff_ffff_ffffn], NOTIFY | MESSAGE);
  const [event] = bench.takeEvents();
  assert.equal(event?.call === 'crashed' ? event.report.message : undefined, 'A'.repeat(4096));
});

test('a message that is not in RAM, or empty, leaves the rest of the report', () => {
  for (const [gpa, size] of [
    [0x1000_0000n, 16n],
    [0xffn << 56n, 16n],
    [16n * 1024n * 1024n - 8n, 16n],
    [0x8000n, 0n],
    [0x8000n, 16n],
  ] as const) {
    const bench = new PartitionBench();
    const parameters = [1n, 2n, 3n, gpa, size] as const;
    crash(bench, parameters, NOTIFY | MESSAGE);
    assert.deepEqual(bench.takeEvents(), [{ call: 'crashed', report: { vp: 1, parameters } }]);
  }
});

test('without the notify bit nothing is reported, and a talkative guest is not heard for ever', () => {
  const bench = new PartitionBench();
  crash(bench, [1n], MESSAGE);
  assert.deepEqual(bench.takeEvents(), []);
  for (let report = 0; report < 100; report++) crash(bench, [1n], NOTIFY);
  assert.equal(bench.takeEvents().length, MAX_CRASH_REPORTS);
  bench.partition.reset();
  assert.equal(bench.partition.readMsr(0, HypervMsr.CRASH_P0), 0n);
  crash(bench, [1n], NOTIFY);
  assert.equal(bench.takeEvents().length, 1);
});
