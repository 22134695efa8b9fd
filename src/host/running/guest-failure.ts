import * as z from 'zod';
import type { CrashReport } from '../../hyperv/index.ts';
import { describeEnd } from '../../vm/index.ts';
import { HostError } from '../errors.ts';
import type { GuestEnd } from '../manager/ports.ts';
import type { VmRunResult } from './vm-run.ts';

/** What is wrong with how a VM ended; undefined: nothing. */
export function guestFailure(name: string, { end, crash }: Pick<VmRunResult, 'end' | 'crash'>): HostError | undefined {
  const report = end.kind === 'panic' ? end.report : crash;
  const details =
    end.kind === 'triple-fault'
      ? { vcpu: end.vcpu, rip: `0x${end.rip.toString(16)}` }
      : end.kind === 'kvm-failure'
        ? { vcpu: end.vcpu }
        : {};
  return failureOf(name, { how: end.kind, detail: describeEnd(end) }, report, details);
}

/** The same of a VM in another process, by what that said; undefined: it ended without a word. */
export function reportedGuestFailure(
  name: string,
  end: GuestEnd | undefined,
  crash: CrashReport | undefined,
): HostError | undefined {
  if (end !== undefined || crash !== undefined) return failureOf(name, end, crash, {});
  return new HostError('vm-gone', {
    asked: `run the guest ${name} on`,
    obstacle: 'its process ended without a word.',
    remedy: 'It was killed, or has a bug; dmesg may say more. What it had is back at the host.',
    details: { name },
  });
}

const crashReport = z.object({
  vp: z.number(),
  parameters: z.array(z.string().regex(/^0x[0-9a-f]{1,16}$/)).length(5),
  message: z.string().optional(),
});

/** A crash as VM processes tell of it; undefined: it isn't one. */
export function decodeCrash(value: unknown): CrashReport | undefined {
  const { success, data } = crashReport.safeParse(value);
  if (!success) return undefined;
  const [p0 = 0n, p1 = 0n, p2 = 0n, p3 = 0n, p4 = 0n] = data.parameters.map(BigInt);
  const { vp, message } = data;
  return { vp, parameters: [p0, p1, p2, p3, p4], ...(message === undefined ? {} : { message }) };
}

function failureOf(
  name: string,
  end: GuestEnd | undefined,
  crash: CrashReport | undefined,
  details: Readonly<Record<string, unknown>>,
): HostError | undefined {
  if (crash !== undefined) return panicked(name, crash);
  if (end === undefined) return undefined;
  const parts = { asked: `run the guest ${name} on`, obstacle: `${end.detail}.` };
  switch (end.how) {
    case 'panic':
      return new HostError('guest-panicked', {
        ...parts,
        remedy: 'See what its console says.',
        details: { name, ...details },
      });
    case 'triple-fault':
      return new HostError('guest-triple-fault', {
        ...parts,
        remedy:
          "A processor's last resort: its kernel, or what it was started with, is broken. See how far its console came.",
        details: { name, ...details },
      });
    case 'kvm-failure':
    case 'failed':
      return new HostError('guest-stuck', {
        ...parts,
        remedy: 'The host kernel may say more in dmesg. With other guests it goes on working.',
        details: { name, ...details },
      });
    default:
      return undefined;
  }
}

function panicked(name: string, report: CrashReport): HostError {
  return new HostError('guest-panicked', {
    asked: `run the guest ${name} on`,
    obstacle: `${describeEnd({ kind: 'panic', report })}.`,
    remedy: 'What it had is back at the host. Its own last words are the reason; more may be on its console.',
    details: {
      name,
      vcpu: report.vp,
      parameters: report.parameters.map((value) => `0x${value.toString(16)}`),
      message: report.message ?? null,
    },
  });
}
