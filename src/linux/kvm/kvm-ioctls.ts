/**
 * ioctls of KVM on x86-64. Numbers: Linux include/uapi/linux/kvm.h, of which Debian 12's (6.1) was compiled to print them.
 */
export const KvmIoctl = {
  getApiVersion: { name: 'KVM_GET_API_VERSION', number: 0xae00 },
  createVm: { name: 'KVM_CREATE_VM', number: 0xae01 },
  checkExtension: { name: 'KVM_CHECK_EXTENSION', number: 0xae03 },
  getVcpuMmapSize: { name: 'KVM_GET_VCPU_MMAP_SIZE', number: 0xae04 },
  getSupportedCpuid: { name: 'KVM_GET_SUPPORTED_CPUID', number: 0xc008ae05 },

  createVcpu: { name: 'KVM_CREATE_VCPU', number: 0xae41 },
  setUserMemoryRegion: { name: 'KVM_SET_USER_MEMORY_REGION', number: 0x4020ae46 },
  setTssAddr: { name: 'KVM_SET_TSS_ADDR', number: 0xae47 },
  setIdentityMapAddr: { name: 'KVM_SET_IDENTITY_MAP_ADDR', number: 0x4008ae48 },
  createIrqchip: { name: 'KVM_CREATE_IRQCHIP', number: 0xae60 },
  irqLine: { name: 'KVM_IRQ_LINE', number: 0x4008ae61 },
  setGsiRouting: { name: 'KVM_SET_GSI_ROUTING', number: 0x4008ae6a },
  ioeventfd: { name: 'KVM_IOEVENTFD', number: 0x4040ae79 },
  irqfd: { name: 'KVM_IRQFD', number: 0x4020ae76 },
  getTscKhz: { name: 'KVM_GET_TSC_KHZ', number: 0xaea3 },
  enableCap: { name: 'KVM_ENABLE_CAP', number: 0x4068aea3 },
  signalMsi: { name: 'KVM_SIGNAL_MSI', number: 0x4020aea5 },
  setMsrFilter: { name: 'KVM_X86_SET_MSR_FILTER', number: 0x4188aec6 },
  createDevice: { name: 'KVM_CREATE_DEVICE', number: 0xc00caee0 },
  setDeviceAttr: { name: 'KVM_SET_DEVICE_ATTR', number: 0x4018aee1 },

  run: { name: 'KVM_RUN', number: 0xae80 },
  getRegs: { name: 'KVM_GET_REGS', number: 0x8090ae81 },
  setRegs: { name: 'KVM_SET_REGS', number: 0x4090ae82 },
  getSregs: { name: 'KVM_GET_SREGS', number: 0x8138ae83 },
  setSregs: { name: 'KVM_SET_SREGS', number: 0x4138ae84 },
  getMsrs: { name: 'KVM_GET_MSRS', number: 0xc008ae88 },
  setMsrs: { name: 'KVM_SET_MSRS', number: 0x4008ae89 },
  setCpuid2: { name: 'KVM_SET_CPUID2', number: 0x4008ae90 },
  getMpState: { name: 'KVM_GET_MP_STATE', number: 0x8004ae98 },
  setMpState: { name: 'KVM_SET_MP_STATE', number: 0x4004ae99 },
  injectNmi: { name: 'KVM_NMI', number: 0xae9a },
} as const;

/** The version that KVM_GET_API_VERSION has given since 2007 (Linux Documentation/virt/kvm/api.rst, 4.1). */
export const kvmApiVersion = 12;
