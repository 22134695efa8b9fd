import { PlainGuestMemory } from '../../hyperv/testing/index.ts';
import { HypercallStatus } from '../../hyperv/index.ts';
import { VmbusTestbench } from '../../vmbus/testing/index.ts';
import type { VpciVersion } from '../../vpci/index.ts';
import { LifeOverRings } from '../../vpci/testing/index.ts';
import { recordsIn } from '../read-record.ts';
import { Trace, type TraceReader } from '../trace.ts';

/** 2026-01-02T03:04:05Z. */
export const STARTED_NS = 1_767_323_045_000_000_000n;
const NS_PER_RECORD = 1_234_567n;

/** A trace whose clock goes on by itself. */
export function steppingTrace(ringBytes?: number): Trace {
  let nowNs = STARTED_NS;
  return new Trace({
    nowNs: () => (nowNs += NS_PER_RECORD),
    schedule: (work) => work(),
    ...(ringBytes === undefined ? {} : { ringBytes }),
  });
}

/** All that a reader has not had yet. */
export function drain(reader: TraceReader): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let chunk = reader.read(16 * 1024); chunk !== undefined; chunk = reader.read(16 * 1024)) {
    records.push(...(recordsIn(chunk.records) ?? []));
  }
  return records;
}

/** The records of a front end's whole life over rings, from its contact to the released offer. */
export function recordedLife(kind: 'linux-style' | 'windows-style', maxVersion?: VpciVersion): Uint8Array[] {
  const trace = steppingTrace();
  const reader = trace.open(() => undefined);
  const life = new LifeOverRings(kind, new VmbusTestbench({ tap: trace, memory: new PlainGuestMemory() }), maxVersion);
  life.start();
  life.verify(1);
  life.eject();
  life.rescind();
  const records = drain(reader);
  reader.close();
  return records;
}

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));

/** Hypercalls as Linux 6.1.192 makes them, one that does not exist and one whose input nobody can read. */
export function recordedHypercalls(): Uint8Array[] {
  const trace = steppingTrace();
  const reader = trace.open(() => undefined);
  const call = (control: bigint, input: Uint8Array | undefined, status: HypercallStatus): void => {
    trace.recorder?.hypercall(1, { control, input: 0x4000n, output: 0n }, input);
    trace.recorder?.hypercallEnded(BigInt(status));
  };
  const contact = hex('04000000 00000000 01000000 28000000 0e000000 00000000 03000500 00000000 02000000 00000000');
  const post = new Uint8Array(256);
  post.set(contact);
  call(0x5cn, post, HypercallStatus.SUCCESS);
  call(0x1_005dn, hex('01200000 00000000'), HypercallStatus.SUCCESS);
  const retarget = 'ffffffffffffffff 3012cd9b00000000 01000000 00000000 0000e0fe 60000000 0000000000000000 21000000';
  call(0x7en, hex(`${retarget} 00000000 0200000000000000`), HypercallStatus.SUCCESS);
  const set = '02000000 0000000000000000 0100000000000000 0200000000000000';
  call(0x4_007en, hex(`${retarget} ${set}`), HypercallStatus.INVALID_PARAMETER);
  call(0x99n, undefined, HypercallStatus.INVALID_HYPERCALL_CODE);
  call(0x5cn, undefined, HypercallStatus.INVALID_ALIGNMENT);
  const records = drain(reader);
  reader.close();
  return records;
}
