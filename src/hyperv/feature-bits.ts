/**
 * What the partition offers its guest, bit by bit. Names are those of the Hyper-V TLFS ("Feature and Interface
 * Discovery"); what a guest does with a bit was read in Linux 6.1 arch/x86/kernel/cpu/mshyperv.c, arch/x86/hyperv/ and
 * drivers/clocksource/hyperv_timer.c. A bit that isn't listed is clear: a guest has no use for it here.
 */

/**
 * The clock decides two groups of bits: the plain TSC, or a page that turns the TSC into reference time. A third goes with
 * a host whose kernel ends interrupts lazily (`PartitionOptions.lazyEoi`).
 */
export type Offer = 'always' | 'never' | 'with-invariant-tsc' | 'with-reference-tsc-page' | 'with-lazy-eoi';

/** What of it depends on the host. */
export interface OfferedFeatures {
  /** Whether the guest may take the TSC for its clock. If not it gets the reference TSC page. */
  readonly tscInvariant: boolean;
  /** Whether the kernel serves the APIC MSRs (EOI, ICR, TPR) and keeps the "no EOI required" bit of VP assist pages. */
  readonly lazyEoi: boolean;
}

export interface FeatureBit {
  readonly bit: number;
  readonly name: string;
  readonly offer: Offer;
  readonly why: string;
}

/** Leaf 0x40000003 EAX: partition privileges, low half. */
export const PRIVILEGES_LOW: readonly FeatureBit[] = [
  { bit: 0, name: 'AccessVpRunTimeReg', offer: 'never', why: 'nothing in a guest needs it' },
  {
    bit: 1,
    name: 'AccessPartitionReferenceCounter',
    offer: 'with-reference-tsc-page',
    why: 'every read of the counter is an exit; it is only the fallback of the reference TSC page',
  },
  { bit: 2, name: 'AccessSynicRegs', offer: 'always', why: 'VMBus messages and interrupts come through the SynIC' },
  { bit: 3, name: 'AccessSyntheticTimerRegs', offer: 'never', why: 'the local APIC timer in the kernel needs no exit' },
  {
    bit: 4,
    name: 'AccessIntrCtrlRegs',
    offer: 'with-lazy-eoi',
    why: 'goes with UseApicMsrs; the kernel serves them, none exits to user space',
  },
  { bit: 5, name: 'AccessHypercallMsrs', offer: 'always', why: 'without it Linux does not take this for Hyper-V' },
  { bit: 6, name: 'AccessVpIndex', offer: 'always', why: 'without it Linux does not take this for Hyper-V' },
  { bit: 7, name: 'AccessResetReg', offer: 'never', why: 'ACPI has a reset register' },
  { bit: 8, name: 'AccessStatsReg', offer: 'never', why: 'no statistics pages are kept' },
  {
    bit: 9,
    name: 'AccessPartitionReferenceTsc',
    offer: 'with-reference-tsc-page',
    why: 'a clock without exits where the TSC cannot be declared invariant',
  },
  { bit: 10, name: 'AccessGuestIdleReg', offer: 'never', why: 'HLT is handled in the kernel' },
  {
    bit: 11,
    name: 'AccessFrequencyRegs',
    offer: 'always',
    why: 'TSC and APIC rates from MSRs; there is no PIT to calibrate against',
  },
  { bit: 13, name: 'AccessReenlightenmentControls', offer: 'never', why: 'the guest is never migrated' },
  {
    bit: 15,
    name: 'AccessTscInvariantControls',
    offer: 'with-invariant-tsc',
    why: 'Linux then trusts the TSC as its clock, and reads it without exits',
  },
];

/** Leaf 0x40000003 EBX: partition privileges, high half. */
export const PRIVILEGES_HIGH: readonly FeatureBit[] = [
  {
    bit: 0,
    name: 'CreatePartitions',
    offer: 'never',
    why: 'with CpuManagement it would make the guest a root partition',
  },
  {
    bit: 1,
    name: 'AccessPartitionId',
    offer: 'never',
    why: 'Linux 6.1 then calls HvCallGetPartitionId with an output page it has not allocated, and dies at boot',
  },
  { bit: 4, name: 'PostMessages', offer: 'always', why: 'the guest end of VMBus control messages' },
  { bit: 5, name: 'SignalEvents', offer: 'always', why: 'the guest end of channel interrupts' },
  { bit: 12, name: 'CpuManagement', offer: 'never', why: 'the guest would take itself for the root partition' },
  { bit: 20, name: 'EnableExtendedHypercalls', offer: 'never', why: 'none is implemented' },
  { bit: 22, name: 'Isolation', offer: 'never', why: 'this is no confidential VM' },
];

/** Leaf 0x40000003 EDX: miscellaneous features. */
export const FEATURES: readonly FeatureBit[] = [
  {
    bit: 4,
    name: 'XmmRegistersForFastHypercallAvailable',
    offer: 'never',
    why: 'the exit carries general registers only',
  },
  { bit: 8, name: 'FrequencyRegsAvailable', offer: 'always', why: 'goes with AccessFrequencyRegs; Linux wants both' },
  {
    bit: 10,
    name: 'GuestCrashRegsAvailable',
    offer: 'always',
    why: 'the host learns of a panic, with the log, at once',
  },
  {
    bit: 15,
    name: 'XmmOutputForFastHypercallAvailable',
    offer: 'never',
    why: 'the exit carries general registers only',
  },
  { bit: 19, name: 'DirectSyntheticTimers', offer: 'never', why: 'no synthetic timers at all' },
];

/** Leaf 0x40000004 EAX: implementation recommendations. */
export const RECOMMENDATIONS: readonly FeatureBit[] = [
  {
    bit: 2,
    name: 'UseHypercallForRemoteFlush',
    offer: 'never',
    why: 'the kernel cannot flush for a user-space hypercall',
  },
  {
    bit: 3,
    name: 'UseApicMsrs',
    offer: 'with-lazy-eoi',
    why: 'Linux then looks into its VP assist page first, and mostly finds that no EOI, and so no exit, is needed',
  },
  { bit: 4, name: 'UseMsrForReset', offer: 'never', why: 'ACPI has a reset register' },
  {
    bit: 5,
    name: 'UseRelaxedTiming',
    offer: 'always',
    why: 'a vCPU may wait for its thread: no watchdog alarms for that',
  },
  {
    bit: 9,
    name: 'DeprecateAutoEoi',
    offer: 'always',
    why: 'an interrupt injected as an MSI has no AutoEOI: without this bit the vector stays in service and the guest hangs',
  },
  { bit: 10, name: 'UseSyntheticClusterIpi', offer: 'never', why: 'IPIs through the x2APIC stay in the kernel' },
  {
    bit: 11,
    name: 'UseExProcessorMasks',
    offer: 'never',
    why: 'only for calls that are not offered, and for over 64 VPs',
  },
  { bit: 12, name: 'Nested', offer: 'never', why: 'this hypervisor does not run under Hyper-V' },
  { bit: 14, name: 'UseEnlightenedVmcs', offer: 'never', why: 'no nested virtualization' },
  {
    bit: 21,
    name: 'UseHypercallForMmio',
    offer: 'never',
    why: 'config reads should cost no exit at all, and these calls always do',
  },
];

/** The 32-bit word that a table of bits makes. */
export function featureWord(bits: readonly FeatureBit[], { tscInvariant, lazyEoi }: OfferedFeatures): number {
  const offers = new Set<Offer>(['always', tscInvariant ? 'with-invariant-tsc' : 'with-reference-tsc-page']);
  if (lazyEoi) offers.add('with-lazy-eoi');
  return bits.filter(({ offer }) => offers.has(offer)).reduce((word, { bit }) => (word | (1 << bit)) >>> 0, 0);
}
