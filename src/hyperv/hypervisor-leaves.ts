import type { CpuidEntry } from './cpuid-table.ts';
import {
  FEATURES,
  featureWord,
  type OfferedFeatures,
  PRIVILEGES_HIGH,
  PRIVILEGES_LOW,
  RECOMMENDATIONS,
} from './feature-bits.ts';

/** TLFS "Feature and Interface Discovery". */
export const HypervisorLeaf = {
  VENDOR_AND_MAX: 0x40000000,
  INTERFACE: 0x40000001,
  VERSION: 0x40000002,
  FEATURES: 0x40000003,
  RECOMMENDATIONS: 0x40000004,
  LIMITS: 0x40000005,
  HARDWARE_FEATURES: 0x40000006,
} as const;

/** Leaf 0x40000004 EBX: spin this often before telling the hypervisor; all ones = never tell it. */
const NEVER_NOTIFY_OF_LONG_SPIN_WAITS = 0xffffffff;

/** The leaves 0x40000000…0x40000006. */
export function hypervisorLeaves(vpCount: number, offered: OfferedFeatures): CpuidEntry[] {
  const vendor = 'Microsoft Hv';
  return [
    leaf(HypervisorLeaf.VENDOR_AND_MAX, {
      // Linux looks at nested features, isolation and the virtualization stack only in higher leaves.
      eax: HypervisorLeaf.HARDWARE_FEATURES,
      ebx: fourCharacters(vendor, 0),
      ecx: fourCharacters(vendor, 4),
      edx: fourCharacters(vendor, 8),
    }),
    leaf(HypervisorLeaf.INTERFACE, { eax: fourCharacters('Hv#1', 0) }),
    // No build of Microsoft's hypervisor is claimed.
    leaf(HypervisorLeaf.VERSION, {}),
    leaf(HypervisorLeaf.FEATURES, {
      eax: featureWord(PRIVILEGES_LOW, offered),
      ebx: featureWord(PRIVILEGES_HIGH, offered),
      edx: featureWord(FEATURES, offered),
    }),
    leaf(HypervisorLeaf.RECOMMENDATIONS, {
      eax: featureWord(RECOMMENDATIONS, offered),
      ebx: NEVER_NOTIFY_OF_LONG_SPIN_WAITS,
    }),
    leaf(HypervisorLeaf.LIMITS, { eax: vpCount, ebx: vpCount }),
    leaf(HypervisorLeaf.HARDWARE_FEATURES, {}),
  ];
}

function leaf(number: number, registers: { eax?: number; ebx?: number; ecx?: number; edx?: number }): CpuidEntry {
  return { function: number, index: 0, flags: 0, eax: 0, ebx: 0, ecx: 0, edx: 0, ...registers };
}

function fourCharacters(text: string, from: number): number {
  return Buffer.from(text, 'latin1').readUInt32LE(from);
}
