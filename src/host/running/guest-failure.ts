import type { CrashReport } from '../../hyperv/index.ts';
import { describeEnd, type MachineEnd } from '../../vm/index.ts';
import { HostError } from '../errors.ts';
import type { VmRunResult } from './vm-run.ts';

/** What is wrong with how a VM ended; undefined: nothing. */
export function guestFailure(name: string, { end, crash }: Pick<VmRunResult, 'end' | 'crash'>): HostError | undefined {
  const report = end.kind === 'panic' ? end.report : crash;
  if (report !== undefined) return panicked(name, report);
  const parts = { asked: `run the guest ${name} on`, obstacle: `${describeEnd(end)}.` };
  if (end.kind === 'triple-fault') {
    return new HostError('guest-triple-fault', {
      ...parts,
      remedy:
        "A processor's last resort: its kernel, or what it was started with, is broken. See how far its console came.",
      details: { name, vcpu: end.vcpu, rip: `0x${end.rip.toString(16)}` },
    });
  }
  if (end.kind === 'kvm-failure') {
    return new HostError('guest-stuck', {
      ...parts,
      remedy: 'The host kernel may say more in dmesg. With other guests it goes on working.',
      details: { name, vcpu: end.vcpu },
    });
  }
  return undefined;
}

function panicked(name: string, report: CrashReport): HostError {
  const end: MachineEnd = { kind: 'panic', report };
  return new HostError('guest-panicked', {
    asked: `run the guest ${name} on`,
    obstacle: `${describeEnd(end)}.`,
    remedy: 'What it had is back at the host. Its own last words are the reason; more may be on its console.',
    details: {
      name,
      vcpu: report.vp,
      parameters: report.parameters.map((value) => `0x${value.toString(16)}`),
      message: report.message ?? null,
    },
  });
}
