import { CommanderError } from 'commander';
import { ExitCode, reportOf } from '../host/index.ts';
import { exitCodeFor } from './error-kinds.ts';
import type { Terminal } from './terminal.ts';

/** Tells of what ended a command, for people and with `json` for programs too. Gives the exit code. */
export function reportError(terminal: Terminal, error: unknown, json: boolean): number {
  if (error instanceof CommanderError) return usageError(terminal, error, json);
  const report = reportOf(error);
  if (json) terminal.output(`${JSON.stringify({ ok: false, error: report })}\n`);
  for (const part of report.errors ?? [report]) {
    terminal.notices(`${terminal.style('red', 'error')} [${part.code}]: ${part.message}\n`);
  }
  const unexpected = error instanceof Error && report.code === 'unexpected';
  if (unexpected) terminal.notices(`This is a bug in dda. Please report it with these lines:\n${error.stack ?? ''}\n`);
  return exitCodeFor(report.code);
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
