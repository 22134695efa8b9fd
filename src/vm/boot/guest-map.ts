import { BootError, BootErrorCode } from './boot-error.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/**
 * Fixed guest-physical addresses. Everything that the loader writes below 1 MiB is read by the kernel before it allocates
 * memory, or copied by it.
 */
export const GuestAddress = {
  gdt: 0x500,
  bootParams: 0x7000,
  stackTop: 0x8ff0,
  pml4: 0x9000,
  pageDirectoryPointers: 0xa000,
  /** Four pages: 0–4 GiB in 2 MiB pages. */
  pageDirectories: 0xb000,
  commandLine: 0x20000,
  /** RAM ends here for Linux; above lay a PC's extended BIOS data area. */
  lowRamTop: 0x9fc00,
  /** Reserved RAM up to 1 MiB that holds the ACPI tables. */
  acpi: 0xe0000,
  ramAgain: 0x100000,
  /** KVM's in-kernel interrupt controllers. */
  ioApic: 0xfec00000,
  localApic: 0xfee00000,
} as const;

export const ACPI_AREA_BYTES = GuestAddress.ramAgain - GuestAddress.acpi;
export const COMMAND_LINE_AREA_BYTES = 0x10000;

const PAGE_BYTES = 4 * KIB;
const MEMORY_MIN_BYTES = 64 * MIB;
const LOW_RAM_MAX_BYTES = 3 * GIB;
const HIGH_RAM_GPA = 4 * GIB;

/** 32-bit BARs and the vPCI configuration windows. Linux uses none of it from 0xFED40000 on (Linux drivers/hv/vmbus_drv.c). */
const LOW_WINDOW: MmioWindow = { gpa: 0xe0000000, sizeBytes: 256 * MIB };
const HIGH_WINDOW_MIN_BYTES = 4 * GIB;
/** Where the high window goes if nothing is in the way: above what most guests have as RAM, so that one address suits all. */
const HIGH_WINDOW_GPA = 64 * GIB;
/** AMD processors keep the 12 GiB below 1 TiB for HyperTransport (AMD I/O Virtualization Specification, "reserved address ranges"). */
const HYPERTRANSPORT_GPA = 1012 * GIB;

export interface MmioWindow {
  readonly gpa: number;
  readonly sizeBytes: number;
}

/** e820 types (ACPI 6.5 section 15.4). */
export const E820Type = { ram: 1, reserved: 2 } as const;
export type E820Type = (typeof E820Type)[keyof typeof E820Type];

export interface E820Entry {
  readonly gpa: number;
  readonly sizeBytes: number;
  readonly type: E820Type;
}

/** A guest's physical address space. */
export interface GuestMap {
  /** All of it, the bit under the legacy video hole included. */
  readonly memoryBytes: number;
  /** The first address that is no longer low RAM, 3 GiB at most. */
  readonly lowRamEnd: number;
  /** RAM from 4 GiB on. */
  readonly highRamBytes: number;
  /** For VMBus devices: below 4 GiB, and above all RAM. Neither touches the other, so no guest merges them. */
  readonly lowWindow: MmioWindow;
  readonly highWindow: MmioWindow;
  readonly e820: readonly E820Entry[];
}

/**
 * The map for a guest with `memoryBytes` of RAM: up to 3 GiB low, the rest from 4 GiB on. The high window has at least
 * `highWindowBytes` (4 GiB if not given), rounded up to a power of two and aligned to it, so that a BAR of that size fits.
 *
 * @throws BootError `memory-size` (below 64 MiB, or no multiple of 4 KiB), `mmio-windows-do-not-fit` (RAM and window need more
 * address bits than the guest has).
 */
export function planGuestMap(options: {
  readonly memoryBytes: number;
  /** CPUID 0x80000008 EAX[7:0] as the guest sees it. */
  readonly physicalAddressBits: number;
  readonly highWindowBytes?: number;
}): GuestMap {
  const { memoryBytes, physicalAddressBits } = options;
  if (!Number.isSafeInteger(memoryBytes) || memoryBytes < MEMORY_MIN_BYTES || memoryBytes % PAGE_BYTES !== 0) {
    throw new BootError(
      BootErrorCode.memorySize,
      `A guest can't have ${memoryBytes} bytes of memory: it takes a multiple of 4 KiB, and 64 MiB at least. Give another size.`,
    );
  }
  const lowRamEnd = Math.min(memoryBytes, LOW_RAM_MAX_BYTES);
  const highRamBytes = memoryBytes - lowRamEnd;
  return {
    memoryBytes,
    lowRamEnd,
    highRamBytes,
    lowWindow: LOW_WINDOW,
    highWindow: placeHighWindow(HIGH_RAM_GPA + highRamBytes, options.highWindowBytes ?? 0, physicalAddressBits),
    e820: [
      { gpa: 0, sizeBytes: GuestAddress.lowRamTop, type: E820Type.ram },
      { gpa: GuestAddress.acpi, sizeBytes: ACPI_AREA_BYTES, type: E820Type.reserved },
      { gpa: GuestAddress.ramAgain, sizeBytes: lowRamEnd - GuestAddress.ramAgain, type: E820Type.ram },
      ...(highRamBytes > 0 ? [{ gpa: HIGH_RAM_GPA, sizeBytes: highRamBytes, type: E820Type.ram }] : []),
    ],
  };
}

function placeHighWindow(ramEnd: number, wantedBytes: number, physicalAddressBits: number): MmioWindow {
  let sizeBytes = HIGH_WINDOW_MIN_BYTES;
  while (sizeBytes < wantedBytes) sizeBytes *= 2;
  const limit = Math.min(2 ** physicalAddressBits, HYPERTRANSPORT_GPA);
  const lowest = alignUp(ramEnd, sizeBytes);
  const preferred = alignUp(Math.max(ramEnd, HIGH_WINDOW_GPA), sizeBytes);
  const gpa = preferred + sizeBytes <= limit ? preferred : lowest;
  if (gpa + sizeBytes > limit) {
    throw new BootError(
      BootErrorCode.windowsDontFit,
      `The guest's addresses end at ${limit / GIB} GiB (${physicalAddressBits} bits), and its RAM reaches up to ${ramEnd / GIB} GiB: no room for ` +
        `${sizeBytes / GIB} GiB of device memory. Give the guest less memory or fewer devices.`,
    );
  }
  return { gpa, sizeBytes };
}

const alignUp = (value: number, alignment: number): number => Math.ceil(value / alignment) * alignment;
