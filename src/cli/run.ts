import { processContext } from './process-context.ts';
import { runCommandLine } from './program.ts';

await runCommandLine(processContext(), process.argv.slice(2));
