import { closeFile, OpenFlag, openFile } from '../libc/files.ts';
import { ioctlStruct, ioctlValue } from '../libc/ioctl.ts';
import { SystemCallError } from '../libc/system-call-error.ts';
import type { Capability } from './capability.ts';
import { type CpuidEntry, cpuidBuffer, decodeCpuid, maxCpuidEntries } from './cpuid.ts';
import { KvmError } from './kvm-error.ts';
import { KvmIoctl, kvmApiVersion } from './kvm-ioctls.ts';
import { KvmVm } from './vm.ts';

/** /dev/kvm: what this host's KVM can do, and where VMs come from. */
export class Kvm {
  readonly fd: number;
  #closed = false;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** Opens /dev/kvm. Throws {@link KvmError} `kvm-missing`, `kvm-no-permission` or `kvm-wrong-version`. */
  static open(path = '/dev/kvm'): Kvm {
    return Kvm.fromFd(openDevice(path));
  }

  /**
   * Takes over a descriptor of /dev/kvm that another process opened. VMs made from it belong to this process. Throws
   * {@link KvmError} `kvm-wrong-version`.
   */
  static fromFd(fd: number): Kvm {
    const kvm = new Kvm(fd);
    try {
      const version = ioctlValue(fd, KvmIoctl.getApiVersion, 0);
      if (version !== kvmApiVersion) {
        throw new KvmError(
          'kvm-wrong-version',
          `KVM speaks version ${version} of its interface; this program needs ${kvmApiVersion}, which every kernel since 2.6.22 has.`,
        );
      }
      return kvm;
    } catch (error) {
      kvm.close();
      throw error;
    }
  }

  /** 0: KVM doesn't have it. Otherwise a number that means something for some capabilities. */
  checkExtension(capability: Capability): number {
    return ioctlValue(this.fd, KvmIoctl.checkExtension, capability);
  }

  /** CPUID leaves that KVM can give to a guest on this host. */
  supportedCpuid(): CpuidEntry[] {
    const bytes = cpuidBuffer(maxCpuidEntries);
    ioctlStruct(this.fd, KvmIoctl.getSupportedCpuid, bytes);
    return decodeCpuid(bytes);
  }

  /** A VM with no memory and no vCPUs. Only the process that creates it can use it. */
  createVm(): KvmVm {
    const runSizeBytes = ioctlValue(this.fd, KvmIoctl.getVcpuMmapSize, 0);
    return new KvmVm(
      untilUninterrupted(() => ioctlValue(this.fd, KvmIoctl.createVm, 0)),
      runSizeBytes,
    );
  }

  /** VMs that were created live on. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeFile(this.fd);
  }
}

/** A signal that a handler of this process serves, be it a profiler's, may break off the making of a VM: nothing is made then. */
function untilUninterrupted<T>(call: () => T): T {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (!(error instanceof SystemCallError) || error.code !== 'EINTR') throw error;
    }
  }
}

function openDevice(path: string): number {
  try {
    return openFile(path, OpenFlag.readWrite);
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    switch (error.code) {
      case 'ENOENT':
      case 'ENXIO':
      case 'ENODEV':
        throw new KvmError(
          'kvm-missing',
          `There is no ${path}. Load kvm-intel or kvm-amd; if that fails, turn on virtualization in the firmware.`,
          { cause: error },
        );
      case 'EACCES':
      case 'EPERM':
        throw new KvmError(
          'kvm-no-permission',
          `${path} may not be opened by this user. Run as root, or join the group that owns it (usually kvm).`,
          { cause: error },
        );
      default:
        throw error;
    }
  }
}
