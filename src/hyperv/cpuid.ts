import { type CpuidEntry, type CpuidRegister, CpuidTable } from './cpuid-table.ts';
import type { OfferedFeatures } from './feature-bits.ts';
import { hypervisorLeaves } from './hypervisor-leaves.ts';
import { applyTopology } from './topology-leaves.ts';

/** More would need sparse VP sets in every call, and APIC ids above 254 need more than leaf 1 can say. */
export const MAX_VP_COUNT = 64;

export interface ShapeCpuidOptions extends OfferedFeatures {
  /** Also the VP's APIC id. */
  readonly vpIndex: number;
  readonly vpCount: number;
}

interface BitChange {
  readonly leaf: number;
  readonly register: CpuidRegister;
  readonly bit: number;
  readonly on: boolean;
  readonly name: string;
  readonly why: string;
}

/** Names: Intel SDM volume 2A "CPUID", AMD64 APM volume 3 appendix E. */
export const BIT_CHANGES: readonly BitChange[] = [
  {
    leaf: 1,
    register: 'ecx',
    bit: 31,
    on: true,
    name: 'hypervisor present',
    why: 'a guest looks no further without it',
  },
  { leaf: 1, register: 'ecx', bit: 21, on: true, name: 'x2APIC', why: 'the kernel emulates it, but may not report it' },
  {
    leaf: 1,
    register: 'ecx',
    bit: 24,
    on: true,
    name: 'TSC deadline',
    why: 'the kernel emulates it, but may not report it',
  },
  { leaf: 1, register: 'ecx', bit: 5, on: false, name: 'VMX', why: 'no nested virtualization' },
  { leaf: 1, register: 'ecx', bit: 2, on: false, name: 'DTES64', why: 'no performance monitoring' },
  { leaf: 1, register: 'ecx', bit: 4, on: false, name: 'DS-CPL', why: 'no performance monitoring' },
  { leaf: 1, register: 'ecx', bit: 15, on: false, name: 'PDCM', why: 'no performance monitoring' },
  { leaf: 1, register: 'ecx', bit: 3, on: false, name: 'MONITOR', why: 'a vCPU that waits in MWAIT holds its CPU' },
  { leaf: 1, register: 'edx', bit: 21, on: false, name: 'DS', why: 'no performance monitoring' },
  { leaf: 7, register: 'ebx', bit: 2, on: false, name: 'SGX', why: 'no enclave memory is given' },
  { leaf: 7, register: 'ebx', bit: 25, on: false, name: 'processor trace', why: 'no performance monitoring' },
  { leaf: 7, register: 'ecx', bit: 30, on: false, name: 'SGX launch control', why: 'no enclave memory is given' },
  { leaf: 7, register: 'edx', bit: 19, on: false, name: 'architectural LBRs', why: 'no performance monitoring' },
  { leaf: 0x80000001, register: 'ecx', bit: 2, on: false, name: 'SVM', why: 'no nested virtualization' },
  { leaf: 0x80000001, register: 'ecx', bit: 10, on: false, name: 'IBS', why: 'no performance monitoring' },
  { leaf: 0x80000001, register: 'ecx', bit: 23, on: false, name: 'PerfCtrExtCore', why: 'no performance monitoring' },
  { leaf: 0x80000001, register: 'ecx', bit: 24, on: false, name: 'PerfCtrExtNB', why: 'no performance monitoring' },
  { leaf: 0x80000001, register: 'ecx', bit: 28, on: false, name: 'PerfCtrExtLLC', why: 'no performance monitoring' },
];

/** Leaves that a guest sees as zeros. */
export const HIDDEN_LEAVES: readonly { readonly leaf: number; readonly name: string; readonly why: string }[] = [
  { leaf: 0x5, name: 'MONITOR/MWAIT', why: 'goes with the MONITOR bit' },
  {
    leaf: 0xa,
    name: 'architectural performance monitoring',
    why: 'a PMU is surface for a hostile guest; none is needed',
  },
  { leaf: 0xf, name: 'resource monitoring', why: "the host's, not the guest's" },
  { leaf: 0x10, name: 'resource allocation', why: "the host's, not the guest's" },
  { leaf: 0x12, name: 'SGX', why: 'no enclave memory is given' },
  { leaf: 0x14, name: 'processor trace', why: 'no performance monitoring' },
  { leaf: 0x15, name: 'TSC ratio', why: 'the rate comes from the frequency MSR; a scaled TSC would make this a lie' },
  { leaf: 0x16, name: 'processor frequency', why: 'see TSC ratio' },
  { leaf: 0x1c, name: 'architectural LBRs', why: 'no performance monitoring' },
  { leaf: 0x23, name: 'architectural performance monitoring, extended', why: 'see leaf 0xA' },
  { leaf: 0x8000000a, name: 'SVM', why: 'no nested virtualization' },
  { leaf: 0x8000001b, name: 'IBS', why: 'no performance monitoring' },
  { leaf: 0x8000001f, name: 'memory encryption', why: 'this is no confidential VM' },
  { leaf: 0x80000020, name: 'platform QoS', why: "the host's, not the guest's" },
  { leaf: 0x80000022, name: 'performance monitoring version 2', why: 'see leaf 0xA' },
  {
    leaf: 0x80000026,
    name: 'extended topology (AMD)',
    why: "would tell of the host's cores; leaf 0xB tells of the guest's",
  },
];

const AMD_LIKE_VENDORS = ['AuthenticAMD', 'HygonGenuine'];
const ARAT_BIT = 2;
const INVARIANT_TSC_BIT = 8;

/**
 * What a virtual processor shall see, from what the kernel's KVM can give (KVM_GET_SUPPORTED_CPUID). Ordered, ready for
 * KVM_SET_CPUID2.
 *
 * @throws RangeError when the counts are impossible, or `supported` has no leaf 0 or 1.
 */
export function shapeCpuid(supported: readonly CpuidEntry[], options: ShapeCpuidOptions): CpuidEntry[] {
  const { vpIndex, vpCount, tscInvariant } = options;
  if (!Number.isInteger(vpCount) || vpCount < 1 || vpCount > MAX_VP_COUNT) {
    throw new RangeError(`a partition has 1 to ${MAX_VP_COUNT} virtual processors, not ${vpCount}`);
  }
  if (!Number.isInteger(vpIndex) || vpIndex < 0 || vpIndex >= vpCount) {
    throw new RangeError(`there is no virtual processor ${vpIndex} among ${vpCount}`);
  }
  // KVM's own leaves are there: a second hypervisor at a higher base would win, since Linux takes the highest.
  const table = new CpuidTable(supported.filter((entry) => entry.function >>> 28 !== 4));
  const vendorLeaf = table.get(0);
  if (vendorLeaf === undefined || table.get(1) === undefined) {
    throw new RangeError(
      'the supported CPUID leaves lack leaf 0 or 1: that is not what KVM_GET_SUPPORTED_CPUID returns',
    );
  }
  for (const { leaf } of HIDDEN_LEAVES) {
    table.remove(leaf);
  }
  for (const { leaf, register, bit, on } of BIT_CHANGES) {
    table.setBit(leaf, register, bit, on);
  }
  // Leaf 6 has to exist for ARAT, leaf 0xB for the topology.
  table.set(0, { eax: Math.max(vendorLeaf.eax, 0xb) });
  // ARAT alone: with an APIC timer that never stops, Linux looks for no PIT. The rest of the leaf is about the host's heat.
  table.set(6, { eax: 1 << ARAT_BIT, ebx: 0, ecx: 0, edx: 0 });
  table.set(0x80000007, { eax: 0, ebx: 0, ecx: 0, edx: tscInvariant ? 1 << INVARIANT_TSC_BIT : 0 });
  table.set(0x80000000, { eax: Math.max(table.get(0x80000000)?.eax ?? 0, 0x80000008) });
  applyTopology(table, { vpIndex, vpCount, amdLeaves: AMD_LIKE_VENDORS.includes(vendorName(vendorLeaf)) });
  return [...table.entries(), ...hypervisorLeaves(vpCount, options)].toSorted(
    (a, b) => a.function - b.function || a.index - b.index,
  );
}

function vendorName({ ebx, edx, ecx }: CpuidEntry): string {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32LE(ebx, 0);
  bytes.writeUInt32LE(edx, 4);
  bytes.writeUInt32LE(ecx, 8);
  return bytes.toString('latin1');
}
