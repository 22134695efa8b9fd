/**
 * Byte offsets and sizes of KVM's structures on x86-64, little-endian. Linux arch/x86/include/uapi/asm/kvm.h and
 * include/uapi/linux/kvm.h, printed by a program compiled against Debian 12's headers (6.1).
 */

/** struct kvm_regs: 64-bit each. Also at the start of struct kvm_sync_regs. */
export const regsLayout = {
  rax: 0,
  rbx: 8,
  rcx: 16,
  rdx: 24,
  rsi: 32,
  rdi: 40,
  rsp: 48,
  rbp: 56,
  r8: 64,
  r9: 72,
  r10: 80,
  r11: 88,
  r12: 96,
  r13: 104,
  r14: 112,
  r15: 120,
  rip: 128,
  rflags: 136,
} as const;
export const regsSizeBytes = 144;

/** struct kvm_segment. */
export const segmentLayout = {
  base: 0, // u64
  limit: 8, // u32
  selector: 12, // u16, and one byte each from here on
  type: 14,
  present: 15,
  dpl: 16,
  db: 17,
  s: 18,
  l: 19,
  g: 20,
  avl: 21,
  unusable: 22,
} as const;

/** struct kvm_dtable: base u64, limit u16. */
export const tableLayout = { base: 0, limit: 8 } as const;

/** struct kvm_sregs. */
export const sregsLayout = {
  cs: 0,
  ds: 24,
  es: 48,
  fs: 72,
  gs: 96,
  ss: 120,
  tr: 144,
  ldt: 168,
  gdt: 192,
  idt: 208,
  cr0: 224,
  cr2: 232,
  cr3: 240,
  cr4: 248,
  cr8: 256,
  efer: 264,
  apicBase: 272,
  interruptBitmap: 280, // 4 × u64
} as const;
export const sregsSizeBytes = 312;

/** struct kvm_userspace_memory_region. */
export const memoryRegionLayout = { slot: 0, flags: 4, guestPhysAddr: 8, memorySize: 16, userspaceAddr: 24 } as const;
export const memoryRegionSizeBytes = 32;

/** struct kvm_cpuid2 (header) and struct kvm_cpuid_entry2. */
export const cpuidLayout = { count: 0, entries: 8 } as const;
export const cpuidEntryLayout = { function: 0, index: 4, flags: 8, eax: 12, ebx: 16, ecx: 20, edx: 24 } as const;
export const cpuidEntrySizeBytes = 40;

/** struct kvm_msi. */
export const msiLayout = { addressLow: 0, addressHigh: 4, data: 8, flags: 12 } as const;
export const msiSizeBytes = 32;

/** struct kvm_irq_level. */
export const irqLevelLayout = { irq: 0, level: 4 } as const;
export const irqLevelSizeBytes = 8;

/** struct kvm_irqfd. */
export const irqfdLayout = { fd: 0, gsi: 4, flags: 8, resampleFd: 12 } as const;
export const irqfdSizeBytes = 32;

/** struct kvm_ioeventfd. */
export const ioeventfdLayout = { datamatch: 0, address: 8, length: 16, fd: 20, flags: 24 } as const;
export const ioeventfdSizeBytes = 64;

/** struct kvm_irq_routing (header) and struct kvm_irq_routing_entry. */
export const routingLayout = { count: 0, entries: 8 } as const;
export const routingEntryLayout = {
  gsi: 0,
  type: 4,
  chip: 16,
  pin: 20,
  addressLow: 16,
  addressHigh: 20,
  data: 24,
} as const;
export const routingEntrySizeBytes = 48;

/** struct kvm_msr_filter and struct kvm_msr_filter_range; at most 16 ranges of at most 0x600 bytes of bitmap. */
export const msrFilterLayout = { flags: 0, ranges: 8 } as const;
export const msrFilterSizeBytes = 392;
export const msrFilterRangeLayout = { flags: 0, count: 4, base: 8, bitmap: 16 } as const;
export const msrFilterRangeSizeBytes = 24;
export const msrFilterMaxRanges = 16;
export const msrFilterMaxMsrs = 0x600 * 8;

/** struct kvm_enable_cap. */
export const enableCapLayout = { cap: 0, flags: 4, args: 8 } as const;
export const enableCapSizeBytes = 104;

/** struct kvm_msrs (header) and struct kvm_msr_entry. */
export const msrsLayout = { count: 0, entries: 8 } as const;
export const msrEntryLayout = { index: 0, data: 8 } as const;
export const msrEntrySizeBytes = 16;

/** struct kvm_create_device and struct kvm_device_attr. */
export const createDeviceLayout = { type: 0, fd: 4, flags: 8 } as const;
export const createDeviceSizeBytes = 12;
export const deviceAttrLayout = { flags: 0, group: 4, attr: 8, addr: 16 } as const;
export const deviceAttrSizeBytes = 24;

/** struct kvm_run: the first page of a vCPU's mapping. Fields of the exit union carry their exit's name. */
export const runLayout = {
  immediateExit: 1, // u8
  exitReason: 8, // u32
  cr8: 16, // u64
  apicBase: 24, // u64
  hardwareExitReason: 32, // u64
  ioDirection: 32, // u8: 0 in, 1 out
  ioSize: 33, // u8
  ioPort: 34, // u16
  ioCount: 36, // u32
  ioDataOffset: 40, // u64, from the start of kvm_run
  mmioAddress: 32, // u64
  mmioData: 40, // 8 bytes
  mmioLength: 48, // u32
  mmioIsWrite: 52, // u8
  failEntryReason: 32, // u64
  internalSubError: 32, // u32
  internalDataCount: 36, // u32
  internalData: 40, // up to 16 × u64
  systemEventType: 32, // u32
  msrError: 32, // u8
  msrReason: 40, // u32
  msrIndex: 44, // u32
  msrData: 48, // u64
  validRegs: 288, // u64
  dirtyRegs: 296, // u64
  syncRegs: 304,
  syncSregs: 448,
  syncEvents: 760,
} as const;
export const internalDataMaxCount = 16;
