import { SystemCallError } from '../libc/system-call-error.ts';
import { readAttribute } from '../sysfs.ts';

/** Parameters of KVM's modules that say whether the processor itself serves guests' APICs (APICv, AVIC). */
const PARAMETERS = ['/sys/module/kvm_intel/parameters/enable_apicv', '/sys/module/kvm_amd/parameters/avic'] as const;

/**
 * Whether the processor serves a guest's writes to its APIC without leaving the guest. KVM then never says that an EOI isn't
 * needed, and a guest does best with the plain x2APIC. `read`: for tests.
 */
export function processorServesApic(read: (path: string) => string = readAttribute): boolean {
  return PARAMETERS.some((path) => {
    try {
      return /^[Y1]/.test(read(path));
    } catch (error) {
      // The other vendor's module, or this one built without the parameter.
      if (error instanceof SystemCallError && error.code === 'ENOENT') return false;
      throw error;
    }
  });
}
