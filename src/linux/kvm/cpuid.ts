import { cpuidEntryLayout as at, cpuidEntrySizeBytes, cpuidLayout } from './layouts.ts';

/** One CPUID leaf as KVM takes and gives it. `flags` bit 0: `index` (ECX on entry) matters for this leaf. Unsigned 32-bit. */
export interface CpuidEntry {
  readonly function: number;
  readonly index: number;
  readonly flags: number;
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

/** KVM_MAX_CPUID_ENTRIES of Linux arch/x86/include/asm/kvm_host.h. */
export const maxCpuidEntries = 256;

const fields = Object.entries(at);

/** An empty struct kvm_cpuid2 with room for `count` entries. */
export function cpuidBuffer(count: number): Uint8Array {
  const bytes = new Uint8Array(cpuidLayout.entries + count * cpuidEntrySizeBytes);
  new DataView(bytes.buffer).setUint32(cpuidLayout.count, count, true);
  return bytes;
}

export function encodeCpuid(entries: readonly CpuidEntry[]): Uint8Array {
  const bytes = cpuidBuffer(entries.length);
  const view = new DataView(bytes.buffer);
  entries.forEach((entry, i) => {
    const start = cpuidLayout.entries + i * cpuidEntrySizeBytes;
    for (const [name, offset] of fields) view.setUint32(start + offset, entry[name as keyof CpuidEntry], true);
  });
  return bytes;
}

export function decodeCpuid(bytes: Uint8Array): CpuidEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: view.getUint32(cpuidLayout.count, true) }, (_, i) => {
    const start = cpuidLayout.entries + i * cpuidEntrySizeBytes;
    return {
      function: view.getUint32(start + at.function, true),
      index: view.getUint32(start + at.index, true),
      flags: view.getUint32(start + at.flags, true),
      eax: view.getUint32(start + at.eax, true),
      ebx: view.getUint32(start + at.ebx, true),
      ecx: view.getUint32(start + at.ecx, true),
      edx: view.getUint32(start + at.edx, true),
    };
  });
}
