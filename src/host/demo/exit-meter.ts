import { type ExitSample, type ExitWindow, exitWindow } from './exit-window.ts';
import { KvmExitTrace } from './kvm-exit-trace.ts';

const SAMPLE_EVERY_MS = 50;

export interface ExitReport {
  readonly exits: number;
  /** Undefined: this host doesn't tell. */
  readonly tracedByKvm: number | undefined;
  readonly windowMs: number;
}

/** Counts the exits of a running VM around something that the guest does in silence. */
export class ExitMeter {
  readonly #samples: ExitSample[] = [];
  readonly #read: () => number;
  readonly #trace = KvmExitTrace.start();
  readonly #timer: NodeJS.Timeout;

  /** `read` gives the VM's count so far. Sampling goes on until {@link close}. */
  constructor(read: () => number) {
    this.#read = read;
    this.#timer = setInterval(() => this.#sample(), SAMPLE_EVERY_MS);
  }

  /** Exits while the guest did what it was told at `typedNs` and spoke of at `firstByteNs`; undefined: not sampled in time. */
  report(typedNs: bigint, firstByteNs: bigint): ExitReport | undefined {
    this.#sample();
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
      windowMs: Number(to.atNs - from.atNs) / 1e6,
    };
  }

  /** A witness who saw nothing at all, not even the exits of the conversation, is none. */
  #traced(from: ExitSample, to: ExitSample): number | undefined {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (this.#trace === undefined || first === undefined || last === undefined) return undefined;
    const sawAll = this.#trace.countBetween(first.atNs, last.atNs) ?? 0;
    return sawAll === 0 ? undefined : this.#trace.countBetween(from.atNs, to.atNs);
  }

  #sample(): void {
    this.#samples.push({ atNs: process.hrtime.bigint(), exits: this.#read() });
  }
}
