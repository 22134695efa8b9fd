import type { Command } from 'commander';
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
import { addTraceCommand } from './commands/trace.ts';
import { addVfCommands } from './commands/vf.ts';
import { addVmCommands } from './commands/vm.ts';
import { rootCommand, runProgram } from './root-command.ts';

/** The whole command line. */
export function createProgram(context: CliContext): Command {
  const program = rootCommand(context);
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
  addTraceCommand(program, context);
  addBootScriptCommand(program, context);
  addDemoCommand(program, context);
  addCompletionCommand(program, context);
  return program;
}

/** Runs one command line (without the program's own name). Errors are told, not thrown; the exit code says how it went. */
export async function runCommandLine(context: CliContext, args: readonly string[]): Promise<void> {
  await runProgram(createProgram(context), context, args);
}
