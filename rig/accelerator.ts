import { accessSync, constants, readFileSync } from 'node:fs';
import type { Accelerator } from './qemu-arguments.ts';
import { RigError, RigErrorCode } from './rig-error.ts';

/**
 * KVM where it can run guests that are KVM hosts themselves, else software emulation. A `/dev/kvm` that opens is no
 * proof: some machines have one whose CPU shows neither VMX nor SVM. `DDA_RIG_ACCEL` (`kvm` or `tcg`) decides for it.
 */
export function chooseAccelerator(): Accelerator {
  const forced = process.env['DDA_RIG_ACCEL'];
  if (forced === 'kvm' || forced === 'tcg') return forced;
  if (forced !== undefined)
    throw new RigError(RigErrorCode.badOption, `DDA_RIG_ACCEL is '${forced}'; it can be 'kvm' or 'tcg'.`);
  const cpuFlags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? [];
  if (cpuFlags.includes('vmx')) return canNest('kvm_intel') ? 'kvm' : 'tcg';
  if (cpuFlags.includes('svm')) return canNest('kvm_amd') ? 'kvm' : 'tcg';
  return 'tcg';
}

function canNest(module: string): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return ['Y', '1'].includes(readFileSync(`/sys/module/${module}/parameters/nested`, 'utf8').trim());
  } catch {
    // No device, no permission or no such module: emulation does it too.
    return false;
  }
}
