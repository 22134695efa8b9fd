/** `dda vm run` alone: the one command whose start somebody waits for loads nothing of the others. */
import { vmCommand } from './commands/vm-command.ts';
import { addVmRunCommand } from './commands/vm-run.ts';
import { processContext } from './process-context.ts';
import { rootCommand, runProgram } from './root-command.ts';

const context = processContext();
const program = rootCommand(context);
addVmRunCommand(vmCommand(program), context);
void runProgram(program, context, process.argv.slice(2));
