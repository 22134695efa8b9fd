/** The contract between a guest and its hypervisor. See README.md. */
export type { GuestMemory, GuestPage } from './guest-memory.ts';
export { MAX_VP_COUNT, shapeCpuid } from './cpuid.ts';
export type { ShapeCpuidOptions } from './cpuid.ts';
export type { CpuidEntry } from './cpuid-table.ts';
export type { CrashReport } from './crash.ts';
export type { GuestOs } from './guest-os.ts';
export { HYPERCALL_PORT } from './hypercall-page.ts';
export { HypercallStatus } from './hypercall-status.ts';
export type { HypercallRegisters } from './hypercalls.ts';
export type { OfferedFeatures } from './feature-bits.ts';
export { HypervMsr, LAZY_EOI_MSRS, MSR_FILTER_RANGE } from './msr-index.ts';
export type { MsrRead, MsrWrite } from './msrs.ts';
export { Partition } from './partition.ts';
export type { PartitionOptions, PartitionState, VpState } from './partition.ts';
export type { PartitionPort } from './partition-port.ts';
export type { RetargetRequest } from './retarget-interrupt.ts';
