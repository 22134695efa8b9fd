import { ExitCode, HostError } from '../errors.ts';
import type { JournalPort } from '../journal/journal.ts';
import type { AuditEntry, Caller } from '../journal/audit.ts';
import { canonicalName } from '../moves/move.ts';
import { PciAddressError } from '../../pci/index.ts';
import type { ClockPort } from './ports.ts';

const longestDeadlineMs = 86_400_000;
const poolNamePattern = /^[a-z0-9-]{1,32}$/;

/** Notes a request in the audit before it begins, and what became of it. Throws what the request throws. */
export async function audited<T>(
  ports: { readonly journal: JournalPort; readonly clock: ClockPort; readonly told: (entry: AuditEntry) => void },
  request: { readonly what: string; readonly target: Readonly<Record<string, unknown>>; readonly by: Caller },
  act: () => Promise<T>,
): Promise<T> {
  const { journal, clock, told } = ports;
  const startedMs = clock.nowMs();
  const { id } = journal.beginAudit(new Date(startedMs).toISOString(), request.by, request.what, request.target);
  const end = (outcome: 'done' | 'refused' | 'failed', code: string | undefined): void =>
    told(journal.endAudit(id, outcome, code, Math.round(clock.nowMs() - startedMs)));
  let result: T;
  try {
    result = await act();
  } catch (error) {
    const isRefusal =
      error instanceof PciAddressError || (error instanceof HostError && error.exitCode !== ExitCode.failed);
    // A manager that has let go of its journal leaves the entry pending, which is what it is.
    if (!(error instanceof HostError && error.code === 'manager-closing')) {
      end(isRefusal ? 'refused' : 'failed', codeOf(error));
    }
    throw error;
  }
  end('done', undefined);
  return result;
}

function codeOf(error: unknown): string {
  return error instanceof HostError || error instanceof PciAddressError ? error.code : 'unexpected';
}

/** Full names, each once. Throws PciAddressError. */
export function canonicalNames(names: readonly string[]): string[] {
  return [...new Set(names.map(canonicalName))];
}

/** Throws HostError `deadline-malformed`. */
export function checkDeadline(asked: string, deadlineMs: number): number {
  if (Number.isFinite(deadlineMs) && deadlineMs >= 0 && deadlineMs <= longestDeadlineMs) return deadlineMs;
  throw new HostError('deadline-malformed', {
    asked,
    obstacle: `${deadlineMs} is no deadline: it must be from 0 to ${longestDeadlineMs} milliseconds.`,
    remedy: 'Give another; 0 takes the function without asking the guest.',
    details: { deadlineMs },
  });
}

/** Throws HostError `pool-name-malformed`. */
export function checkPoolName(asked: string, name: string): string {
  if (poolNamePattern.test(name)) return name;
  throw new HostError('pool-name-malformed', {
    asked,
    obstacle: "a pool's name has 1 to 32 characters, each a-z, 0-9 or -.",
    remedy: 'Choose another.',
    details: { name: name.slice(0, 64) },
  });
}
