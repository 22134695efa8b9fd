import { HypervMsr, LAZY_EOI_MSRS, MSR_FILTER_RANGE, type OfferedFeatures, shapeCpuid } from '../../hyperv/index.ts';
import {
  Capability,
  type CpuidEntry,
  type Kvm,
  KvmError,
  type KvmVcpu,
  type KvmVm,
  MsrExitReason,
  processorServesApic,
  SyncRegs,
} from '../../linux/index.ts';
import { BOOT_MSRS, type BootCpuState } from '../boot/index.ts';

/** Guest pages that Intel processors without unrestricted guest need for themselves; outside all of RAM and windows. */
const TSS_GPA = 0xfffbd000;
const IDENTITY_MAP_GPA = 0xfffbc000;

/**
 * AMD's hardware configuration register; bit 24, TscFreqSel: the TSC counts at the P0 frequency (AMD Processor Programming
 * Reference, MSRC001_0015). KVM before Linux 6.8 reads it as 0, which Linux guests report as a firmware bug.
 */
export const HWCR = 0xc0010015;
const TSC_FREQ_SEL = 1n << 24n;

/** What the guest reads from {@link HWCR}: KVM's value, and that its TSC counts steadily. */
export function readHwcr(vcpu: KvmVcpu): bigint {
  return (vcpu.getMsrs([HWCR])[0] ?? 0n) | TSC_FREQ_SEL;
}

/** KVM's MSR_KVM_PV_EOI_EN: bit 0 enable, the rest the address of a word in the guest (Linux Documentation/virt/kvm/x86/msr.rst). */
const KVM_PV_EOI = 0x4b564d04;

/**
 * Has KVM keep bit 0 of the word at `gpa` while no EOI is required, which is what Hyper-V means by the first bit of a VP
 * assist page: both are set before the guest is entered and cleared by the guest with one exchange. While the vCPU isn't running.
 */
export function keepNoEoiRequired(vcpu: KvmVcpu, gpa: bigint | undefined): void {
  vcpu.setMsrs([{ index: KVM_PV_EOI, data: gpa === undefined ? 0n : gpa | 1n }]);
}

/**
 * What this host can offer. The kernel serves the APIC MSRs of Hyper-V where it is built with its Hyper-V emulation; they pay
 * only where the processor doesn't serve the APIC by itself.
 */
export function offeredFeatures(kvm: Kvm): OfferedFeatures {
  return { tscInvariant: true, lazyEoi: kvm.checkExtension(Capability.hyperv) > 0 && !processorServesApic() };
}

/** A VM whose synthetic MSRs come to user space and whose local APICs and IO-APIC are KVM's. */
export function createVm(kvm: Kvm, { lazyEoi }: OfferedFeatures): KvmVm {
  const vm = kvm.createVm();
  vm.setTssAddr(TSS_GPA);
  vm.setIdentityMapAddr(IDENTITY_MAP_GPA);
  vm.createIrqchip();
  vm.enableCap(Capability.userSpaceMsr, BigInt(MsrExitReason.filter));
  vm.setMsrFilter([
    { ...MSR_FILTER_RANGE, except: lazyEoi ? LAZY_EOI_MSRS : [] },
    { base: HWCR, count: 1, access: 'read' },
  ]);
  // Bit 0: 32-bit APIC ids in MSIs; bit 1: id 255 is an id, not a broadcast.
  vm.enableCap(Capability.x2apicApi, 3n);
  return vm;
}

/** How many physical address bits CPUID gives the guest (leaf 0x80000008 EAX bits 7:0). */
export function physicalAddressBits(supported: readonly CpuidEntry[]): number {
  const leaf = supported.find((entry) => entry.function === 0x80000008);
  return leaf === undefined ? 36 : leaf.eax & 0xff;
}

/** Creates `count` vCPUs; ids, APIC ids and VP indexes are the same, from 0 on. `held` closes them. */
export function createVcpus(
  vm: KvmVm,
  supported: readonly CpuidEntry[],
  count: number,
  offered: OfferedFeatures,
  held: DisposableStack,
): KvmVcpu[] {
  return Array.from({ length: count }, (_, id) => {
    const vcpu = held.adopt(vm.createVcpu(id), (each) => each.close());
    vcpu.setCpuid2(shapeCpuid(supported, { vpIndex: id, vpCount: count, ...offered }));
    vcpu.setMsrs(BOOT_MSRS.map(({ index, value }) => ({ index, data: value })));
    letTscStayInvariant(vcpu);
    vcpu.runPage.syncOnExit = SyncRegs.regs;
    return vcpu;
  });
}

/**
 * From Linux 6.2 on, KVM reads the Hyper-V leaves and hides the invariant TSC from the guest until its own copy of
 * TSC_INVARIANT_CONTROL is set (arch/x86/kvm/x86.c). The filter keeps the guest's write from KVM, so it is set here; a KVM
 * that doesn't know the MSR doesn't hide anything either.
 */
function letTscStayInvariant(vcpu: KvmVcpu): void {
  try {
    vcpu.setMsrs([{ index: HypervMsr.TSC_INVARIANT_CONTROL, data: 1n }]);
  } catch (error) {
    if (!(error instanceof KvmError) || error.code !== 'kvm-msr-refused') {
      throw error;
    }
  }
}

/** Puts the boot processor at the kernel's 64-bit entry. The others wait for INIT and SIPI as KVM made them. */
export function setBootState(vcpu: KvmVcpu, state: BootCpuState): void {
  const sregs = vcpu.getSregs();
  const segment = (of: BootCpuState['sregs']['cs']) => ({ ...of, base: BigInt(of.base), avl: 0, unusable: 0 });
  const data = segment(state.sregs.data);
  vcpu.setSregs({
    ...sregs,
    cs: segment(state.sregs.cs),
    ds: data,
    es: data,
    fs: data,
    gs: data,
    ss: data,
    gdt: { base: BigInt(state.sregs.gdt.base), limit: state.sregs.gdt.limit },
    cr0: BigInt(state.sregs.cr0),
    cr3: BigInt(state.sregs.cr3),
    cr4: BigInt(state.sregs.cr4),
    efer: BigInt(state.sregs.efer),
  });
  const regs = vcpu.getRegs();
  for (const name of Object.keys(regs) as (keyof typeof regs)[]) {
    regs[name] = 0n;
  }
  vcpu.setRegs({
    ...regs,
    rip: BigInt(state.regs.rip),
    rsi: BigInt(state.regs.rsi),
    rsp: BigInt(state.regs.rsp),
    rflags: BigInt(state.regs.rflags),
  });
}
