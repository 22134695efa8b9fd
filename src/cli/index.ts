export type { CliContext } from './cli-context.ts';
export { createProgram, runCommandLine } from './program.ts';
export { reportError } from './report-error.ts';
export type { Terminal } from './terminal.ts';
export { type DemoAudience, type DemoFailure, retell } from './commands/demo-audience.ts';
export { type DemoFlags, addDemoOptions } from './commands/demo-options.ts';
export { DemoView } from './commands/demo-view.ts';
export { processTerminal } from './terminal.ts';
export { wrap } from './table.ts';
