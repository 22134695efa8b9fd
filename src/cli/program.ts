import { Command } from 'commander';
import type { CliContext } from './cli-context.ts';
import { addAuditCommand } from './commands/audit.ts';
import { addBootScriptCommand } from './commands/boot-script.ts';
import { addCheckCommand } from './commands/check.ts';
import { addCompletionCommand } from './commands/completion.ts';
import { addDemoCommand } from './commands/demo.ts';
import { addEventsCommand } from './commands/events.ts';
import { addListCommand } from './commands/list.ts';
import { addLoanCommands } from './commands/loans.ts';
import { addDismountCommand, addMountCommand } from './commands/moves.ts';
import { addPoolCommands } from './commands/pool.ts';
import { addServeCommand } from './commands/serve.ts';
import { addSurveyCommand } from './commands/survey.ts';
import { addVfCommands } from './commands/vf.ts';
import { addVmCommands } from './commands/vm.ts';
import { reportError } from './report-error.ts';

/** The whole command line. */
export function createProgram(context: CliContext): Command {
  const program = new Command('dda')
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
  addCheckCommand(program, context);
  addSurveyCommand(program, context);
  addDismountCommand(program, context);
  addMountCommand(program, context);
  addVfCommands(program, context);
  addVmCommands(program, context);
  addServeCommand(program, context);
  addListCommand(program, context);
  addLoanCommands(program, context);
  addPoolCommands(program, context);
  addAuditCommand(program, context);
  addEventsCommand(program, context);
  addBootScriptCommand(program, context);
  addDemoCommand(program, context);
  addCompletionCommand(program, context);
  for (const command of program.commands) inheritSettings(program, command);
  return program;
}

/** Runs one command line (without the program's own name). Errors are told, not thrown; the exit code says how it went. */
export async function runCommandLine(context: CliContext, args: readonly string[]): Promise<void> {
  try {
    await createProgram(context).parseAsync([...args], { from: 'user' });
  } catch (error) {
    context.setExitCode(reportError(context.terminal, error, args.includes('--json')));
  }
}

function inheritSettings(from: Command, to: Command): void {
  to.copyInheritedSettings(from).helpOption('--help', 'this help');
  for (const command of to.commands) inheritSettings(from, command);
}
