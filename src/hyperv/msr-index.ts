/** The synthetic MSRs: TLFS "Register Mappings"; Linux 6.1 arch/x86/include/asm/hyperv-tlfs.h (there with HV_X64_MSR_ in front). */
export const HypervMsr = {
  GUEST_OS_ID: 0x40000000,
  HYPERCALL: 0x40000001,
  VP_INDEX: 0x40000002,
  RESET: 0x40000003,
  VP_RUNTIME: 0x40000010,
  TIME_REF_COUNT: 0x40000020,
  REFERENCE_TSC: 0x40000021,
  TSC_FREQUENCY: 0x40000022,
  APIC_FREQUENCY: 0x40000023,
  EOI: 0x40000070,
  ICR: 0x40000071,
  TPR: 0x40000072,
  VP_ASSIST_PAGE: 0x40000073,
  SCONTROL: 0x40000080,
  SVERSION: 0x40000081,
  SIEFP: 0x40000082,
  SIMP: 0x40000083,
  EOM: 0x40000084,
  SINT0: 0x40000090,
  SINT15: 0x4000009f,
  STIMER0_CONFIG: 0x400000b0,
  STIMER3_COUNT: 0x400000b7,
  GUEST_IDLE: 0x400000f0,
  CRASH_P0: 0x40000100,
  CRASH_P4: 0x40000104,
  CRASH_CTL: 0x40000105,
  REENLIGHTENMENT_CONTROL: 0x40000106,
  TSC_EMULATION_CONTROL: 0x40000107,
  TSC_EMULATION_STATUS: 0x40000108,
  TSC_INVARIANT_CONTROL: 0x40000118,
} as const;

/** What the kernel has to leave to us: reads and writes of these MSRs exit to user space. */
export const MSR_FILTER_RANGE = { base: 0x40000000, count: 0x400 } as const;
/** Of those, what the kernel serves by itself with `PartitionOptions.lazyEoi`. */
export const LAZY_EOI_MSRS: readonly number[] = [HypervMsr.EOI, HypervMsr.ICR, HypervMsr.TPR];
