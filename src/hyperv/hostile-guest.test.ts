import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAX_CRASH_MESSAGE_BYTES, MAX_CRASH_REPORTS } from './crash.ts';
import { HypercallStatus } from './hypercall-status.ts';
import { HypervMsr, MSR_FILTER_RANGE } from './msr-index.ts';
import { MAX_QUEUED_MESSAGES } from './synic.ts';
import { PartitionBench } from './testing/partition-bench.ts';
import { PlainGuestMemory } from './testing/plain-guest-memory.ts';

const VP_COUNT = 3;
/** The guest writes its hypercall input here; no register may name it, so that only the guest changes it. */
const INPUT_GPN = 0;
const PAGES = 8;
const PAGE_REGISTERS: readonly number[] = [
  HypervMsr.HYPERCALL,
  HypervMsr.SIMP,
  HypervMsr.SIEFP,
  HypervMsr.REFERENCE_TSC,
];
const STATUSES: readonly number[] = Object.values(HypercallStatus);

const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const vp = fc.nat(VP_COUNT - 1);
const knownMsr = fc.constantFrom(
  ...Object.values(HypervMsr),
  ...Array.from({ length: 14 }, (_, sint) => HypervMsr.SINT0 + 1 + sint),
);
const anyMsr = fc.oneof(
  { weight: 6, arbitrary: knownMsr },
  {
    weight: 1,
    arbitrary: fc.integer({ min: MSR_FILTER_RANGE.base, max: MSR_FILTER_RANGE.base + MSR_FILTER_RANGE.count - 1 }),
  },
  { weight: 1, arbitrary: fc.nat(0xffffffff) },
);
/** Mostly values that mean something: a page in RAM or just beyond, a vector, an enable bit. */
const msrValue = fc.oneof(
  fc
    .integer({ min: INPUT_GPN + 1, max: PAGES + 1 })
    .chain((gpn) => fc.constantFrom(gpn << 12, (gpn << 12) | 1).map(BigInt)),
  fc.constantFrom(0n, 1n, 0xf3n, 0x100f3n, 0x400f3n, 0xfn, 1n << 63n, 3n << 62n),
  u64.filter((value) => Number(value >> 12n) !== INPUT_GPN),
);
const control = fc.oneof(
  fc.constantFrom(0x5cn, 0x1_005dn, 0x5dn, 0x7en, 0x4_007en, 0x6_007en),
  fc.tuple(fc.constantFrom(0x5cn, 0x5dn, 0x7en), fc.nat(0x7ff)).map(([code, upper]) => code | (BigInt(upper) << 16n)),
  u64,
);
const gpa = fc.oneof(
  fc.nat(PAGES * 4096).map((value) => BigInt(value & ~7)),
  fc.constantFrom(0n, 0xf00n, 0xf08n),
  u64,
);
const operation = fc.oneof(
  fc.record({ do: fc.constant('read' as const), vp, msr: anyMsr }),
  fc.record({ do: fc.constant('write' as const), vp, msr: anyMsr, value: msrValue }),
  fc.record({ do: fc.constant('call' as const), vp, control, input: gpa, output: u64 }),
  fc.record({ do: fc.constant('poke' as const), at: fc.nat(4095), bytes: fc.uint8Array({ maxLength: 80 }) }),
  fc.record({ do: fc.constant('post' as const), vp, sint: fc.nat(16), size: fc.nat(240) }),
  fc.record({ do: fc.constant('signal' as const), vp, sint: fc.nat(16), flag: fc.nat(2048) }),
);

test('whatever a guest does: no throw, answers in range, only its own named pages are written, only checked values leave', () => {
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      fc.array(operation, { maxLength: 120 }),
      (tscInvariant, lazyEoi, started, operations) => {
        const memory = new PlainGuestMemory([{ gpn: INPUT_GPN, pageCount: PAGES }]);
        const bench = new PartitionBench({ vpCount: VP_COUNT, tscInvariant, lazyEoi, memory });
        const { partition } = bench;
        const named = new Set<number>([INPUT_GPN]);
        let crashes = 0;
        if (started) {
          partition.writeMsr(0, HypervMsr.GUEST_OS_ID, 1n << 63n);
          partition.writeMsr(0, HypervMsr.HYPERCALL, 0x1001n);
          named.add(1);
        }
        for (const op of operations) {
          switch (op.do) {
            case 'read': {
              const value = partition.readMsr(op.vp, op.msr);
              assert.ok(value === 'fault' || (value >= 0n && value < 1n << 64n));
              break;
            }
            case 'write': {
              partition.writeMsr(op.vp, op.msr, op.value);
              const now = PAGE_REGISTERS.includes(op.msr) ? partition.readMsr(op.vp, op.msr) : 0n;
              if (now !== 'fault' && (now & 1n) === 1n) {
                const gpn = Number(now >> 12n);
                assert.ok(memory.contains(gpn * 4096, 4096), 'what is enabled is RAM');
                named.add(gpn);
              }
              break;
            }
            case 'call': {
              const rax = partition.hypercall(op.vp, op);
              assert.ok(STATUSES.includes(Number(rax)), rax.toString(16));
              break;
            }
            case 'poke':
              memory.poke(INPUT_GPN * 4096 + Math.min(op.at, 4096 - op.bytes.length), op.bytes);
              break;
            case 'post':
              partition.postMessage(op.vp, op.sint, 1, new Uint8Array(op.size).fill(0xee));
              break;
            case 'signal':
              partition.signalEvent(op.vp, op.sint, op.flag);
              break;
          }
          for (const event of bench.takeEvents()) {
            switch (event.call) {
              case 'postMessage':
                assert.ok(event.payload.byteLength <= 240 && event.messageType > 0 && event.messageType < 0x80000000);
                break;
              case 'signalEvent':
                assert.ok(event.flag < 2048);
                break;
              case 'retargetInterrupt': {
                const { vps, vector } = event.request;
                assert.ok(vps.length >= 1 && vps.every((target) => target < VP_COUNT) && vector >= 16 && vector <= 255);
                break;
              }
              case 'assertInterrupt':
                assert.ok(event.vp < VP_COUNT && event.vector >= 16 && event.vector <= 255);
                break;
              case 'assistPageChanged':
                assert.ok(lazyEoi && event.vp < VP_COUNT);
                assert.ok(event.gpa === undefined || bench.memory.page(Number(event.gpa >> 12n)) !== undefined);
                break;
              case 'crashed':
                crashes += 1;
                assert.ok((event.report.message ?? '').length <= MAX_CRASH_MESSAGE_BYTES);
                break;
              case 'guestOsChanged':
                break;
            }
          }
        }
        assert.ok(crashes <= MAX_CRASH_REPORTS);
        assert.ok(partition.pendingMessages <= VP_COUNT * 16 * MAX_QUEUED_MESSAGES);
        for (let gpn = 0; gpn < PAGES; gpn++) {
          if (!named.has(gpn))
            assert.ok(
              memory.peek(gpn * 4096, 4096).every((byte) => byte === 0),
              `page ${gpn} was written`,
            );
        }
      },
    ),
    { numRuns: 300 },
  );
});
