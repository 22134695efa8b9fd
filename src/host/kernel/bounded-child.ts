import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { ReadOutcome } from '../moves/ports.ts';
import { errnoByText } from './errno-text.ts';

/** After the deadline the child is killed; one that hasn't gone by then is blocked in the kernel. */
export const killGraceMs = 250;
const maxMessageBytes = 4096;

/**
 * Runs a program with `input` on its standard input, for at most `deadlineMs` and a little; gives what it printed. A child that can't be ended is left
 * to itself: nothing of this process waits for it, nor dies with it.
 */
export function runBounded(
  program: string,
  args: readonly string[],
  input: string,
  deadlineMs: number,
  maxOutputBytes = maxMessageBytes,
): Promise<ReadOutcome> {
  return new Promise((resolve) => {
    // Detached: Ctrl-C at the terminal must not cut an act in two.
    const child = spawn(program, args, {
      detached: true,
      stdio: 'pipe',
      env: { ...process.env, LC_ALL: 'C', PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/bin:/sbin:/bin` },
    });
    let output = '';
    let message = '';
    let graceTimer: NodeJS.Timeout | undefined;
    const startedAt = performance.now();
    const deadlineTimer = setTimeout(() => {
      child.kill('SIGKILL');
      graceTimer = setTimeout(() => {
        abandon(child);
        finish({ outcome: 'stuck', processId: child.pid ?? 0, afterMs: Math.round(performance.now() - startedAt) });
      }, killGraceMs);
    }, deadlineMs);
    function finish(outcome: ReadOutcome): void {
      clearTimeout(deadlineTimer);
      clearTimeout(graceTimer);
      resolve(outcome);
    }
    child.once('error', (error) => finish({ outcome: 'failed', code: undefined, text: error.message }));
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      if (output.length < maxOutputBytes) output += chunk.slice(0, maxOutputBytes);
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      if (message.length < maxMessageBytes) message += chunk.slice(0, maxMessageBytes);
    });
    child.once('close', (exitCode, signal) => {
      if (exitCode === 0) return finish({ outcome: 'done', text: output });
      if (signal === 'SIGKILL') {
        return finish({ outcome: 'failed', code: 'ETIMEDOUT', text: `not finished after ${deadlineMs / 1000} s` });
      }
      const text = message.trim().split('\n')[0] ?? '';
      const reason = text.slice(text.lastIndexOf(': ') + 2).trim();
      finish({
        outcome: 'failed',
        code: errnoByText.get(reason),
        text: reason === '' ? `exit code ${exitCode}` : reason,
      });
    });
    // A child that failed early reads nothing: its exit tells why, not the broken pipe.
    child.stdin.once('error', () => child.stdin.destroy());
    child.stdin.end(input);
  });
}

function abandon(child: ChildProcessByStdio<Writable, Readable, Readable>): void {
  child.stdin.destroy();
  child.stdout.destroy();
  child.stderr.destroy();
  child.unref();
}
