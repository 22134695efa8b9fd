import type { CrashReport } from '../hyperv/index.ts';

/** Why a VM stopped running. */
export type MachineEnd =
  | { readonly kind: 'power-off' }
  | { readonly kind: 'reset' }
  /** The guest said so itself, through the crash MSRs. */
  | { readonly kind: 'panic'; readonly report: CrashReport }
  /** A fault while delivering a double fault: real hardware would reset. */
  | { readonly kind: 'triple-fault'; readonly vcpu: number; readonly rip: bigint }
  /** KVM can't run the guest on; `detail` is what it said. */
  | { readonly kind: 'kvm-failure'; readonly vcpu: number; readonly detail: string }
  /** The host asked for it. */
  | { readonly kind: 'stopped' };

export function describeEnd(end: MachineEnd): string {
  switch (end.kind) {
    case 'power-off':
      return 'the guest powered off';
    case 'reset':
      return 'the guest asked for a reset';
    case 'panic':
      return `the guest panicked${end.report.message === undefined ? '' : `: ${firstLine(end.report.message)}`}`;
    case 'triple-fault':
      return `vCPU ${end.vcpu} ended in a triple fault at RIP 0x${end.rip.toString(16)}`;
    case 'kvm-failure':
      return `KVM could not run vCPU ${end.vcpu} on: ${end.detail}`;
    case 'stopped':
      return 'the VM was stopped';
  }
}

function firstLine(message: string): string {
  const lines = message.split('\n').filter((line) => line.trim() !== '');
  return lines.find((line) => line.includes('Kernel panic')) ?? lines[0] ?? '';
}
