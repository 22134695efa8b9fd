/** One CPUID leaf as KVM takes it (struct kvm_cpuid_entry2): every field an unsigned 32-bit number. */
export interface CpuidEntry {
  readonly function: number;
  readonly index: number;
  /** Bit 0: `index` (ECX on input) is significant. */
  readonly flags: number;
  readonly eax: number;
  readonly ebx: number;
  readonly ecx: number;
  readonly edx: number;
}

export type CpuidRegister = 'eax' | 'ebx' | 'ecx' | 'edx';
export type CpuidRegisters = Readonly<Record<CpuidRegister, number>>;

/** KVM_CPUID_FLAG_SIGNIFCANT_INDEX (Linux arch/x86/include/uapi/asm/kvm.h). */
export const SIGNIFICANT_INDEX = 1;

/** The leaves of one virtual processor while they are being shaped. */
export class CpuidTable {
  #entries: readonly CpuidEntry[];

  constructor(entries: readonly CpuidEntry[]) {
    this.#entries = entries;
  }

  get(leaf: number, index = 0): CpuidEntry | undefined {
    return this.#entries.find((entry) => entry.function === leaf && (!isIndexed(entry) || entry.index === index));
  }

  /** Drops every subleaf of `leaf`. KVM answers a leaf that isn't in the table with zeros. */
  remove(leaf: number): void {
    this.#entries = this.#entries.filter((entry) => entry.function !== leaf);
  }

  /** Replaces the leaf, or adds it. */
  set(leaf: number, registers: Partial<CpuidRegisters>): void {
    const old = this.get(leaf) ?? { function: leaf, index: 0, flags: 0, eax: 0, ebx: 0, ecx: 0, edx: 0 };
    this.#entries = [...this.#entries.filter((entry) => entry !== old), unsigned({ ...old, ...registers })];
  }

  /** Replaces a leaf by subleaves 0, 1, 2, …. */
  setSubleaves(leaf: number, subleaves: readonly CpuidRegisters[]): void {
    this.remove(leaf);
    const entries = subleaves.map((registers, index) =>
      unsigned({ function: leaf, index, flags: SIGNIFICANT_INDEX, ...registers }),
    );
    this.#entries = [...this.#entries, ...entries];
  }

  /** Changes each subleaf of `leaf` that is there. */
  update(leaf: number, change: (entry: CpuidEntry) => Partial<CpuidRegisters>): void {
    this.#entries = this.#entries.map((entry) =>
      entry.function === leaf ? unsigned({ ...entry, ...change(entry) }) : entry,
    );
  }

  /** Sets or clears one bit of a leaf that is there. */
  setBit(leaf: number, register: CpuidRegister, bit: number, on: boolean): void {
    this.update(leaf, (entry) =>
      isIndexed(entry) && entry.index !== 0 ? {} : { [register]: withBit(entry[register], bit, on) },
    );
  }

  /** Ordered by function, then index. */
  entries(): CpuidEntry[] {
    return this.#entries.toSorted((a, b) => a.function - b.function || a.index - b.index);
  }
}

/** `value` with bit `bit` set or cleared, as an unsigned 32-bit number. */
export function withBit(value: number, bit: number, on: boolean): number {
  const mask = 1 << bit;
  return (on ? value | mask : value & ~mask) >>> 0;
}

function isIndexed(entry: CpuidEntry): boolean {
  return (entry.flags & SIGNIFICANT_INDEX) !== 0;
}

function unsigned(entry: CpuidEntry): CpuidEntry {
  return { ...entry, eax: entry.eax >>> 0, ebx: entry.ebx >>> 0, ecx: entry.ecx >>> 0, edx: entry.edx >>> 0 };
}
