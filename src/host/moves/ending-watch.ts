import { HostError } from '../errors.ts';

const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Listens for what ends the process early, so that it ends in order. */
export class EndingWatch {
  readonly #controller = new AbortController();
  readonly #onNotice: ((notice: string) => void) | undefined;
  #reason: unknown;

  constructor(onNotice: ((notice: string) => void) | undefined) {
    this.#onNotice = onNotice;
    for (const signal of endingSignals) process.on(signal, this.#onSignal);
    process.on('uncaughtException', this.#onException);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why the work was ended from outside; undefined: it wasn't. */
  get reason(): unknown {
    return this.#reason;
  }

  stop(): void {
    for (const signal of endingSignals) process.off(signal, this.#onSignal);
    process.off('uncaughtException', this.#onException);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.#onNotice?.(
      this.#reason === undefined
        ? `${signal}: ending, and giving the functions back …`
        : `${signal} again: still giving the functions back; this ends by itself.`,
    );
    this.#end(
      new HostError('interrupted', {
        asked: 'go on',
        obstacle: `${signal} ended the command.`,
        remedy: 'What it had borrowed was given back.',
        details: { signal },
      }),
    );
  };

  /** Also for promises that nobody waits for: without a listener of their own those come here. */
  readonly #onException = (error: unknown): void => this.#end(error);

  #end(reason: unknown): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#controller.abort(reason);
  }
}
