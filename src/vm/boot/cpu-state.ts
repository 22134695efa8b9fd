import { GuestAddress } from './guest-map.ts';
import type { MemoryWrite } from './memory-write.ts';

/** A segment register as the processor holds it; fields named as in KVM's `kvm_segment`. */
export interface SegmentState {
  readonly base: number;
  readonly limit: number;
  readonly selector: number;
  readonly type: number;
  readonly present: 0 | 1;
  readonly dpl: number;
  readonly db: 0 | 1;
  readonly s: 0 | 1;
  readonly l: 0 | 1;
  readonly g: 0 | 1;
}

/** The boot processor before its first instruction. Other registers: 0; other system registers: as KVM created them. */
export interface BootCpuState {
  readonly regs: { readonly rip: number; readonly rsi: number; readonly rsp: number; readonly rflags: number };
  readonly sregs: {
    readonly cs: SegmentState;
    /** DS, ES, FS, GS and SS. */
    readonly data: SegmentState;
    readonly gdt: { readonly base: number; readonly limit: number };
    readonly cr0: number;
    readonly cr3: number;
    readonly cr4: number;
    readonly efer: number;
  };
}

/**
 * MSRs that firmware sets on every processor. Without MTRRs Linux warns, and some hosts give uncached memory.
 * Numbers: Intel SDM volume 4.
 */
export const BOOT_MSRS: readonly { readonly index: number; readonly value: bigint }[] = [
  /** IA32_MTRR_DEF_TYPE: MTRRs on, everything write-back. */
  { index: 0x2ff, value: 0x806n },
  /** IA32_MISC_ENABLE: fast strings. */
  { index: 0x1a0, value: 0x1n },
];

/** What Linux's 64-bit boot protocol asks for (Linux Documentation/x86/boot.rst): __BOOT_CS = 0x10, __BOOT_DS = 0x18, flat. */
const CODE_SELECTOR = 0x10;
const DATA_SELECTOR = 0x18;
const GDT = [0n, 0n, 0x00af9b000000ffffn, 0x00cf93000000ffffn] as const;

const FLAT = { base: 0, limit: 0xffffffff, present: 1, dpl: 0, s: 1, g: 1 } as const;
const CODE: SegmentState = { ...FLAT, selector: CODE_SELECTOR, type: 0xb, db: 0, l: 1 };
const DATA: SegmentState = { ...FLAT, selector: DATA_SELECTOR, type: 0x3, db: 1, l: 0 };

/** Protection, FPU, write protection and paging on (PE MP ET NE WP AM PG). */
const CR0 = 0x80050033;
const CR4_PAE = 0x20;
/** LME and LMA. */
const EFER = 0x500;
const RFLAGS_RESERVED = 0x2;

const PAGE_BYTES = 4096;
const LARGE_PAGE_BYTES = 2 * 1024 * 1024;
const TABLE_ENTRIES = 512;
const MAPPED_GIB = 4;
const ENTRY_PRESENT_WRITABLE = 0x3;
const ENTRY_LARGE_PAGE = 0x80;

/** The boot processor about to start a kernel at `entryGpa`, in 64-bit mode with interrupts off. */
export function bootCpuState(entryGpa: number): BootCpuState {
  return {
    regs: { rip: entryGpa, rsi: GuestAddress.bootParams, rsp: GuestAddress.stackTop, rflags: RFLAGS_RESERVED },
    sregs: {
      cs: CODE,
      data: DATA,
      gdt: { base: GuestAddress.gdt, limit: GDT.length * 8 - 1 },
      cr0: CR0,
      cr3: GuestAddress.pml4,
      cr4: CR4_PAE,
      efer: EFER,
    },
  };
}

/** What {@link bootCpuState} points at: the GDT, and page tables that map 0–4 GiB onto itself in 2 MiB pages. */
export function cpuTables(): readonly MemoryWrite[] {
  const directories = Array.from(
    { length: MAPPED_GIB },
    (_, index) => GuestAddress.pageDirectories + index * PAGE_BYTES,
  );
  const largePages = Array.from(
    { length: MAPPED_GIB * TABLE_ENTRIES },
    (_, index) => BigInt(index * LARGE_PAGE_BYTES) | BigInt(ENTRY_LARGE_PAGE | ENTRY_PRESENT_WRITABLE),
  );
  return [
    { gpa: GuestAddress.gdt, bytes: quadWords(GDT) },
    { gpa: GuestAddress.pml4, bytes: quadWords([tableEntry(GuestAddress.pageDirectoryPointers)]) },
    { gpa: GuestAddress.pageDirectoryPointers, bytes: quadWords(directories.map(tableEntry)) },
    { gpa: GuestAddress.pageDirectories, bytes: quadWords(largePages) },
  ];
}

const tableEntry = (gpa: number): bigint => BigInt(gpa | ENTRY_PRESENT_WRITABLE);

function quadWords(values: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 8);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => view.setBigUint64(index * 8, value, true));
  return bytes;
}
