import { type ChildProcess, spawn } from 'node:child_process';
import { GuestConsole } from './guest-console.ts';

export interface VmmProcess {
  readonly child: ChildProcess;
  readonly console: GuestConsole;
  readonly startedAt: number;
  complaints(): string;
}

/** Starts a VMM whose guest's console is its standard output. */
export function startVmm(program: string, args: readonly string[], env: NodeJS.ProcessEnv): VmmProcess {
  const startedAt = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
  const console = new GuestConsole(child.stdout);
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  child.on('error', (error) => console.fail(error));
  child.on('exit', (code, signal) =>
    console.fail(new Error(`${program} ended with ${signal ?? `exit code ${code}`} before its time.`)),
  );
  return { child, console, startedAt, complaints: () => complaints };
}
