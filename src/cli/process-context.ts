import { readFileSync } from 'node:fs';
import { defaultSocketPath } from '../api/index.ts';
import { controlDirectory, openHost, readReadiness } from '../host/index.ts';
import { kvmRunsGuests } from '../linux/index.ts';
import type { CliContext } from './cli-context.ts';
import { processConsole } from './console-port.ts';
import { processTerminal } from './terminal.ts';

/** This process and this machine. */
export function processContext(): CliContext {
  return {
    terminal: processTerminal(),
    openHost,
    readReadiness,
    guestSupport: kvmRunsGuests,
    guestConsole: processConsole,
    controlDirectory: controlDirectory(),
    daemonSocket: process.env['DDA_SOCKET'] ?? defaultSocketPath,
    program: [process.execPath, process.argv[1] ?? ''],
    version: packageVersion(),
    setExitCode: (code) => {
      process.exitCode = code;
    },
  };
}

/** From the package itself: this file is two folders below it, in the sources as in dist/. */
function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const parsed = JSON.parse(text) as { readonly version: string };
  return parsed.version;
}
