/** KVM capabilities. Linux include/uapi/linux/kvm.h, KVM_CAP_*. */
export const Capability = {
  irqchip: 0,
  userMemory: 3,
  setTssAddr: 4,
  extCpuid: 7,
  recommendedVcpus: 9,
  memorySlots: 10,
  mpState: 14,
  irqRouting: 25,
  irqfd: 32,
  setIdentityMapAddr: 37,
  hyperv: 44,
  tscControl: 60,
  getTscKhz: 61,
  maxVcpus: 66,
  tscDeadlineTimer: 72,
  /** CHECK_EXTENSION gives a mask: 1 registers, 2 special registers, 4 events. */
  syncRegs: 74,
  signalMsi: 77,
  readOnlyMemory: 81,
  disableQuirks: 116,
  maxVcpuId: 128,
  /** args[0]: 1 = 32-bit APIC ids in MSIs, 2 = no broadcast quirk. */
  x2apicApi: 129,
  immediateExit: 136,
  /** args[0]: which MSR accesses leave for user space; see {@link MsrExitReason}. */
  userSpaceMsr: 188,
  msrFilter: 189,
  /** args[0] = 1, on a vCPU: KVM's own paravirtual MSRs and hypercalls exist only if CPUID offers them. */
  enforcePvFeatureCpuid: 190,
  vmTscControl: 214,
} as const;
export type Capability = (typeof Capability)[keyof typeof Capability];
