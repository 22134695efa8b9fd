import { CommanderError } from 'commander';
import { ExitCode } from '../host/index.ts';
import type { Terminal } from './terminal.ts';

/** What a program gets to know of a refusal. */
interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly asked?: string;
  readonly obstacle?: string;
  readonly remedy?: string;
  readonly details?: unknown;
  /** When several things failed. */
  readonly errors?: readonly ErrorReport[];
}

/** Tells of what ended a command, for people and with `json` for programs too. Gives the exit code. */
export function reportError(terminal: Terminal, error: unknown, json: boolean): number {
  if (error instanceof CommanderError) return usageError(terminal, error, json);
  const report = describe(error);
  if (json) terminal.output(`${JSON.stringify({ ok: false, error: report })}\n`);
  for (const part of report.errors ?? [report]) {
    terminal.notices(`${terminal.style('red', 'error')} [${part.code}]: ${part.message}\n`);
  }
  const unexpected = error instanceof Error && report.code === 'unexpected';
  if (unexpected) terminal.notices(`This is a bug in dda. Please report it with these lines:\n${error.stack ?? ''}\n`);
  return exitCodeOf(error);
}

function usageError(terminal: Terminal, error: CommanderError, json: boolean): number {
  // Help and version end that way too; commander has written them, and its own messages, already.
  if (error.exitCode === 0) return ExitCode.done;
  if (json) {
    const message = error.message.replace(/^error: /, '');
    terminal.output(`${JSON.stringify({ ok: false, error: { code: 'usage', message } })}\n`);
  }
  return ExitCode.usage;
}

function describe(error: unknown): ErrorReport {
  if (error instanceof AggregateError) {
    const errors = error.errors.map(describe);
    return { ...(errors[0] ?? { code: 'unexpected' }), message: error.message, errors };
  }
  if (!(error instanceof Error)) return { code: 'unexpected', message: String(error) };
  const part = (name: string): string | undefined => {
    const value: unknown = Reflect.get(error, name);
    return typeof value === 'string' ? value : undefined;
  };
  const [code, asked, obstacle, remedy] = [part('code'), part('asked'), part('obstacle'), part('remedy')];
  return {
    // The codes of this project are lower case; ENOENT and the like come from somewhere that nobody thought of.
    code: code !== undefined && /^[a-z][a-z0-9-]*$/.test(code) ? code : 'unexpected',
    message: error.message,
    ...(asked === undefined ? {} : { asked }),
    ...(obstacle === undefined ? {} : { obstacle }),
    ...(remedy === undefined ? {} : { remedy }),
    ...('details' in error ? { details: error.details } : {}),
  };
}

/** For errors of the parts below, which know nothing of exit codes. */
const exitCodes: Readonly<Record<string, number>> = {
  'pci-address-malformed': ExitCode.usage,
  unexpected: ExitCode.unexpected,
  'kvm-no-permission': ExitCode.notAllowed,
  'vfio-no-permission': ExitCode.notAllowed,
  'vfio-in-use': ExitCode.inUse,
  'vfio-group-not-viable': ExitCode.inUse,
};

function exitCodeOf(error: unknown): number {
  if (error instanceof AggregateError) return exitCodeOf(error.errors[0]);
  if (error instanceof Error && 'exitCode' in error && typeof error.exitCode === 'number') return error.exitCode;
  return exitCodes[describe(error).code] ?? ExitCode.impossible;
}
