import { type ExitSample, type ExitWindow, exitWindow } from './exit-window.ts';
import { KvmExitTrace } from './kvm-exit-trace.ts';

const SAMPLE_EVERY_MS = 150;

export interface ExitReport {
  readonly exits: number;
  /** Undefined: this host doesn't tell. */
  readonly tracedByKvm: number | undefined;
  readonly windowMs: number;
}

/** Counts the exits of a running VM around something that the guest does in silence. */
export class ExitMeter {
  readonly #samples: ExitSample[] = [];
  readonly #read: () => Promise<number>;
  readonly #trace: KvmExitTrace | undefined;
  readonly #timer: NodeJS.Timeout;
  /** The sample under way. */
  #sampling: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  /** `read` gives the VM's count so far; `processId` runs it. Sampling goes on until {@link close}. */
  constructor(processId: number, read: () => Promise<number>) {
    this.#read = read;
    this.#trace = KvmExitTrace.start(processId);
    this.#timer = setInterval(() => void this.#sample(), SAMPLE_EVERY_MS);
  }

  /**
   * Exits while the guest did what it was told at `typedNs` and spoke of at `firstByteNs`; undefined: not sampled in time.
   * Throws what `read` throws.
   */
  async report(typedNs: bigint, firstByteNs: bigint): Promise<ExitReport | undefined> {
    // One that is under way may have been asked for too early.
    await this.#sampling;
    await this.#sample();
    if (this.#failure !== undefined) throw this.#failure.error;
    const window = exitWindow(this.#samples, typedNs, firstByteNs);
    return window === undefined ? undefined : this.#reportOn(window);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#trace?.close();
  }

  #reportOn({ from, to }: ExitWindow): ExitReport {
    return {
      exits: to.exits - from.exits,
      tracedByKvm: this.#traced(from, to),
      windowMs: Number(to.answeredNs - from.askedNs) / 1e6,
    };
  }

  /** A witness who saw nothing at all, not even the exits of the conversation, is none. */
  #traced(from: ExitSample, to: ExitSample): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (this.#trace === undefined || first === undefined || last === undefined) return undefined;
    const sawAll = this.#trace.countBetween(first.askedNs, last.answeredNs) ?? 0;
    return sawAll === 0 ? undefined : this.#trace.countBetween(from.answeredNs, to.askedNs);
  }

  /** One at a time. */
  #sample(): Promise<void> {
    this.#sampling ??= this.#take().finally(() => {
      this.#sampling = undefined;
    });
    return this.#sampling;
  }

  async #take(): Promise<void> {
    const askedNs = process.hrtime.bigint();
    try {
      const exits = await this.#read();
      this.#samples.push({ askedNs, answeredNs: process.hrtime.bigint(), exits });
    } catch (error) {
      // Told by the report; what fails once makes the count worthless.
      this.#failure ??= { error };
    }
  }
}
