import { Command } from 'commander';
import type { CliContext } from './cli-context.ts';
import { reportError } from './report-error.ts';

/** `dda` itself, without its commands. */
export function rootCommand(context: CliContext): Command {
  return new Command('dda')
    .description(
      "Lends PCI Express functions of this host to virtual machines over Hyper-V's paravirtual PCI bus, and gets them back.",
    )
    .version(context.version, '--version', 'the version of dda')
    .helpOption('--help', 'help; also for one command: dda survey --help')
    .helpCommand(false)
    .showSuggestionAfterError(true)
    .showHelpAfterError('Run it with --help to see what it takes.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.terminal.output(text),
      writeErr: (text) => context.terminal.notices(text),
    })
    .addHelpText(
      'after',
      '\nA function is named by its PCI address (BDF): 0000:01:00.0, or 01:00.0 for short.\n\nExamples:\n  dda check                 can this machine do it at all?\n  dda survey                which functions can be lent?\n  dda dismount 01:00.0      take one from its host driver\n  dda mount 01:00.0         and give it back\n  dda vm run --device 01:00.0   a guest that has it, with its console here\n  dda list                  with the daemon: every function, and who has it\n  dda add web --pool fast   with the daemon: lend one of a pool to its VM\n',
    );
}

/**
 * Has `program` do what `args` say (without the program's own name). Errors are told, not thrown; the exit code says how it
 * went.
 */
export async function runProgram(program: Command, context: CliContext, args: readonly string[]): Promise<void> {
  try {
    for (const command of program.commands) inheritSettings(program, command);
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    context.setExitCode(reportError(context.terminal, error, args.includes('--json')));
  }
}

function inheritSettings(from: Command, to: Command): void {
  to.copyInheritedSettings(from).helpOption('--help', 'this help');
  for (const command of to.commands) inheritSettings(from, command);
}
