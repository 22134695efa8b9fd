export type { CliContext } from './cli-context.ts';
export { createProgram, runCommandLine } from './program.ts';
export { reportError } from './report-error.ts';
export type { Terminal } from './terminal.ts';
