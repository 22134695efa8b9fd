import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { ReadOutcome } from '../moves/ports.ts';
import { killGraceMs } from './bounded-child.ts';
import { errnoText } from './errno-text.ts';

/** What `attribute-program.ts` is asked: to write `value`, as it stands; without one, to read. */
export interface AttributeRequest {
  readonly path: string;
  readonly value?: string;
}

/** What it answers. `code`: errno's name. */
export type AttributeAnswer =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly code: string };

/** The file is `.ts` in the working tree and `.js` in the package. */
const program = new URL(
  import.meta.url.endsWith('.ts') ? './attribute-program.ts' : './attribute-program.js',
  import.meta.url,
);

type Child = ChildProcessByStdio<Writable, Readable, null>;

/**
 * A process that stands ready to read and write attributes. Like a child of `runBounded`, it may hang in the kernel for ever: then it
 * is left to itself, and another takes its place.
 */
export class AttributeProcess {
  #child: Child | undefined;
  /** It has answered once. */
  #isReady = false;
  /** Ends the request that is under way. */
  #finish: ((outcome: ReadOutcome) => void) | undefined;
  #isClosed = false;

  /** Whether it would take a request now. */
  get isIdle(): boolean {
    return this.#isReady && this.#finish === undefined;
  }

  /** Until it is ready, it takes nothing. */
  start(): void {
    // Detached: Ctrl-C at the terminal must not cut an act in two.
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', fileURLToPath(program)], {
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child = child;
    this.#isReady = false;
    // Whoever waits for an act has a timer; nobody else is to be kept by it.
    child.unref();
    for (const stream of [child.stdin, child.stdout]) if (stream instanceof Socket) stream.unref();
    // Why it could not be started, or doesn't read, is no news: there are other ways to act, and its end is told of below.
    child.once('error', () => this.#lost(child, 'could not be started'));
    child.stdin.once('error', () => child.stdin.destroy());
    child.once('exit', () => this.#lost(child, 'has ended'));
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      const lines = (text + part).split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) this.#take(child, JSON.parse(line) as AttributeAnswer);
    });
  }

  /** Undefined: it isn't there, or does something else. Otherwise as `runBounded`. */
  ask(request: AttributeRequest, deadlineMs: number): Promise<ReadOutcome> | undefined {
    const child = this.#child;
    if (child === undefined || !this.isIdle) return undefined;
    return new Promise((resolve) => {
      const startedAt = performance.now();
      let graceTimer: NodeJS.Timeout | undefined;
      let isLate = false;
      const deadlineTimer = setTimeout(() => {
        isLate = true;
        child.kill('SIGKILL');
        graceTimer = setTimeout(() => {
          this.#abandon(child);
          finish({ outcome: 'stuck', processId: child.pid ?? 0, afterMs: Math.round(performance.now() - startedAt) });
        }, killGraceMs);
      }, deadlineMs);
      const finish = (outcome: ReadOutcome): void => {
        clearTimeout(deadlineTimer);
        clearTimeout(graceTimer);
        this.#finish = undefined;
        const tooLate = {
          outcome: 'failed',
          code: 'ETIMEDOUT',
          text: `not finished after ${deadlineMs / 1000} s`,
        } as const;
        resolve(isLate && outcome.outcome === 'failed' ? tooLate : outcome);
      };
      this.#finish = finish;
      child.stdin.write(`${JSON.stringify(request)}\n`);
    });
  }

  /** What it does, it finishes. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#child?.stdin.end();
  }

  #take(child: Child, answered: AttributeAnswer): void {
    if (child !== this.#child) return;
    this.#isReady = true;
    // The first answer is to nobody's request.
    if (answered.ok) this.#finish?.({ outcome: 'done', text: answered.text });
    else this.#finish?.({ outcome: 'failed', code: answered.code, text: errnoText(answered.code) });
  }

  /** Another takes its place, unless it could not even begin: the next would be no better off. */
  #lost(child: Child, why: string): void {
    if (child !== this.#child) return;
    const wasReady = this.#isReady;
    this.#child = undefined;
    this.#isReady = false;
    this.#finish?.({ outcome: 'failed', code: undefined, text: `the process that does it ${why}` });
    if (wasReady && !this.#isClosed) this.start();
  }

  #abandon(child: Child): void {
    child.stdin.destroy();
    child.stdout.destroy();
    this.#child = undefined;
    this.start();
  }
}
