import { HostError, type VmRunObserver } from '../../host/index.ts';
import type { CliContext } from '../cli-context.ts';
import { ScriptExit } from './script-exit.ts';
import { endKeys, GuestKeyboard } from './vm-console.ts';
import { VmJsonReport } from './vm-json-report.ts';
import type { RunEnd, VmFacts, VmReport } from './vm-report.ts';
import type { VmRunFlags } from './vm-run-options.ts';
import { VmTextReport } from './vm-text-report.ts';

/** What a VM that runs at the console tells. */
export interface ConsoleObserver extends VmRunObserver {
  warning(text: string): void;
}

export interface ConsoleEnd {
  readonly told: RunEnd;
  /** How it ended, as it continues "VM web: …". */
  readonly sentence: string;
  readonly failure: HostError | undefined;
}

/**
 * Runs a VM with its console on this terminal, wherever its process is, and tells of it. Throws what `run` throws, the failure
 * that it gives, and HostError `guest-script-failed`.
 */
export async function atConsole(
  { terminal, guestConsole }: CliContext,
  flags: VmRunFlags,
  facts: VmFacts,
  warnings: readonly string[],
  run: (observer: ConsoleObserver) => Promise<ConsoleEnd>,
): Promise<void> {
  const port = guestConsole();
  const endKey = port.isTerminal ? endKeys[flags.console] : 'SIGINT';
  const report: VmReport =
    flags.json === true ? new VmJsonReport(port, facts) : new VmTextReport(terminal, port, facts, endKey);
  const script = flags.run === undefined ? undefined : new ScriptExit();
  const keyboard = new GuestKeyboard(port, flags.console);
  try {
    for (const warning of warnings) report.warning(warning);
    const { told, sentence, failure } = await run({
      started: (guest) => {
        report.started();
        keyboard.connect((bytes) => guest.type(bytes));
      },
      console: (bytes) => {
        script?.push(bytes);
        keyboard.printed();
        report.console(bytes);
      },
      session: (event) => report.session(event),
      log: (entry) => report.log(entry),
      crashed: (crash) => report.crashed(crash),
      notice: (text) => report.notice(text),
      step: (intent, tookMs) => report.step(intent, tookMs),
      warning: (text) => report.warning(text),
    });
    const hint = told.kind === 'reset' && flags.onReset === 'stop' ? ' (--on-reset restart starts it again)' : '';
    report.ended(told, `${sentence}${hint}`, script?.exitCode);
    const problem = failure ?? scriptFailure(flags.run, script?.exitCode);
    if (problem !== undefined) throw problem;
    report.succeeded();
  } finally {
    keyboard.close();
    await port.flushed();
  }
}

function scriptFailure(path: string | undefined, exitCode: number | undefined): HostError | undefined {
  if (path === undefined || exitCode === undefined || exitCode === 0) return undefined;
  return new HostError('guest-script-failed', {
    asked: `run ${path} in the guest`,
    obstacle: `it ended with exit code ${exitCode}.`,
    remedy: 'What it printed says why.',
    details: { path, exitCode },
  });
}
