import { readFileSync } from 'node:fs';
import { Kvm } from './kvm.ts';
import { KvmError, type KvmErrorCode } from './kvm-error.ts';

/** Whether this machine can run guests, and if not, why: `sentence` is for people. */
export type GuestSupport =
  | { readonly runs: true; readonly extension: 'vmx' | 'svm' }
  | { readonly runs: false; readonly code: KvmErrorCode; readonly sentence: string };

/**
 * Whether KVM on this machine can run an ordinary guest. A /dev/kvm that opens doesn't say so: some virtual hosts have one
 * without hardware virtualization, on which a guest's kernel stops at the first instruction that KVM can't emulate.
 * Opens /dev/kvm and closes it again.
 */
export function kvmRunsGuests(): GuestSupport {
  try {
    Kvm.open().close();
  } catch (error) {
    if (error instanceof KvmError) return { runs: false, code: error.code, sentence: error.message };
    throw error;
  }
  const extension = virtualizationExtension(readFileSync('/proc/cpuinfo', 'latin1'));
  if (extension !== undefined) return { runs: true, extension };
  return {
    runs: false,
    code: 'kvm-no-virtualization',
    sentence:
      '/dev/kvm opens, but the processor shows neither VMX (Intel) nor SVM (AMD), so a guest stops at the first instruction ' +
      'that KVM can not emulate. Turn on virtualization in the firmware, or nested virtualization where this machine is itself ' +
      'a guest.',
  };
}

/** The flag of /proc/cpuinfo that tells of hardware virtualization. */
export function virtualizationExtension(cpuinfo: string): 'vmx' | 'svm' | undefined {
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.split(/\s+/) ?? [];
  if (flags.includes('vmx')) return 'vmx';
  if (flags.includes('svm')) return 'svm';
  return undefined;
}
