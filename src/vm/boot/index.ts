export { type AcpiTable, type AcpiTables, buildAcpiTables } from './acpi/index.ts';
export { BootError, BootErrorCode } from './boot-error.ts';
export { type BootPlan, planBoot } from './boot-plan.ts';
export { type BzImage, parseBzImage } from './bzimage.ts';
export { type CpioEntry, writeCpio } from './cpio.ts';
export { BOOT_MSRS, type BootCpuState, type SegmentState } from './cpu-state.ts';
export { type KernelSegment, parseVmlinux, type Vmlinux } from './elf.ts';
export { type E820Entry, E820Type, type GuestMap, type MmioWindow, planGuestMap } from './guest-map.ts';
export type { MemoryWrite } from './memory-write.ts';
