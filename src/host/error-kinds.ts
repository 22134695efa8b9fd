import type { KvmErrorCode, VfioErrorCode } from '../linux/index.ts';
import type { BootErrorCode } from '../vm/index.ts';
import { demoErrorKinds } from './demo/demo-error.ts';
import { ExitCode, hostErrorKinds } from './errors.ts';

interface ErrorKind {
  readonly exitCode: ExitCode;
  /** When it comes, in one sentence: the table in docs/errors.md says the same. */
  readonly when: string;
}

const { usage, notFound, inUse, impossible, failed, notAllowed, unexpected } = ExitCode;

/** Refusals of the parts below `host`, which know nothing of exit codes. The types hold that none is forgotten. */
const kernelDeviceKinds: Readonly<Record<KvmErrorCode | VfioErrorCode | 'function-unusable', ErrorKind>> = {
  'kvm-missing': { exitCode: impossible, when: 'There is no `/dev/kvm`.' },
  'kvm-no-permission': { exitCode: notAllowed, when: '`/dev/kvm` may not be opened by this user.' },
  'kvm-wrong-version': { exitCode: impossible, when: '`/dev/kvm` speaks another version of its interface.' },
  'kvm-no-virtualization': {
    exitCode: impossible,
    when: "`/dev/kvm` opens, but can't run guests: the processor shows neither VMX nor SVM.",
  },
  'kvm-msr-refused': { exitCode: failed, when: "KVM refused a register or CPUID leaf of the guest's." },
  'vfio-missing': { exitCode: impossible, when: "This kernel has no VFIO, or its modules aren't loaded." },
  'vfio-backend-missing': { exitCode: impossible, when: 'The interface to VFIO that was asked for is not there.' },
  'vfio-no-permission': { exitCode: notAllowed, when: 'A VFIO node may not be opened by this user.' },
  'vfio-not-dismounted': { exitCode: impossible, when: "The function isn't bound to vfio-pci." },
  'vfio-no-iommu': { exitCode: impossible, when: 'The function has no IOMMU group: the IOMMU is off.' },
  'vfio-group-not-viable': { exitCode: inUse, when: "Another function of the group is still in the host's hands." },
  'vfio-in-use': { exitCode: inUse, when: 'Somebody else holds the device or its group.' },
  'vfio-memlock-too-low': { exitCode: impossible, when: "`RLIMIT_MEMLOCK` doesn't allow to pin that much memory." },
  'vfio-no-reset': { exitCode: impossible, when: "The device can't be reset by itself." },
  'vfio-dma-overlap': { exitCode: failed, when: 'DMA addresses are mapped already, to something else.' },
  'vfio-dma-reserved': { exitCode: impossible, when: "The IOMMU can't translate some of the guest's addresses." },
  'vfio-domain-empty': { exitCode: failed, when: 'No IOMMU to map through yet: no device has joined.' },
  'function-unusable': { exitCode: impossible, when: 'The function does not answer, or is no endpoint.' },
};

const guestKinds: Readonly<Record<BootErrorCode, ErrorKind>> = {
  'kernel-unreadable': { exitCode: notFound, when: 'The kernel is not there or may not be read.' },
  'kernel-not-bzimage': { exitCode: impossible, when: 'The kernel is neither a bzImage nor a vmlinux.' },
  'kernel-too-old': { exitCode: impossible, when: 'The kernel is too old: it has no 64-bit entry.' },
  'kernel-truncated': { exitCode: impossible, when: 'The kernel file ends too early.' },
  'kernel-not-elf': { exitCode: impossible, when: "The kernel's ELF file is not for a 64-bit PC, or is broken." },
  'kernel-payload-unsupported': { exitCode: impossible, when: 'The kernel is compressed in a way that is not known.' },
  'kernel-payload-bad': { exitCode: impossible, when: "What is compressed in the kernel can't be unpacked." },
  'memory-size': { exitCode: usage, when: 'The memory is below 64 MiB, or no multiple of 4 KiB.' },
  'memory-too-small': { exitCode: impossible, when: 'The kernel and its initramfs need more memory.' },
  'mmio-windows-do-not-fit': {
    exitCode: impossible,
    when: "Memory and devices together need more addresses than the guest's processor has.",
  },
  'command-line': { exitCode: usage, when: 'The command line is too long for the kernel, or holds a zero byte.' },
  'cpu-count': { exitCode: usage, when: 'A guest has 1 to 16 CPUs.' },
  'archive-entry': { exitCode: failed, when: 'A file for the initramfs has a path that is taken or bad.' },
  'modules-tree': { exitCode: notFound, when: 'The modules directory is not there, or holds no module.' },
  'modules-no-hyperv-drivers': { exitCode: impossible, when: 'The modules have no Hyper-V drivers.' },
  'module-missing': { exitCode: notFound, when: 'A driver is neither among the modules nor built into the kernel.' },
  'module-bad': { exitCode: impossible, when: 'A module is no kernel module, or is broken.' },
  'busybox-missing': { exitCode: impossible, when: "There is no busybox for the guest's initramfs." },
  'busybox-dynamic': { exitCode: impossible, when: 'The busybox needs libraries, which a guest has not.' },
  'decompressor-missing': { exitCode: impossible, when: 'A program to unpack modules or kernels is missing.' },
};

/** What can end anything. */
const commonKinds = {
  'pci-address-malformed': { exitCode: usage, when: 'A text that is no PCI address.' },
  unexpected: { exitCode: unexpected, when: 'A bug in dda; please report it.' },
} as const satisfies Record<string, ErrorKind>;

/** Every code that this part and those below it refuse with. */
export const errorKinds: Readonly<Record<string, ErrorKind>> = {
  ...commonKinds,
  ...kernelDeviceKinds,
  ...guestKinds,
  ...hostErrorKinds,
  ...demoErrorKinds,
};

/** Undefined: a code of another part, or of a newer dda. */
export function exitCodeFor(code: string): ExitCode | undefined {
  return errorKinds[code]?.exitCode;
}
