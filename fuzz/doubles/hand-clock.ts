import type { ClockPort } from '../../src/host/index.ts';

/** Time that passes by hand. */
export class HandClock implements ClockPort {
  #nowMs = 1_767_323_045_000;
  readonly #waits = new Set<{ readonly atMs: number; readonly due: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, due: () => void): () => void {
    const wait = { atMs: this.#nowMs + delayMs, due };
    this.#waits.add(wait);
    return () => this.#waits.delete(wait);
  }

  get waiting(): number {
    return this.#waits.size;
  }

  /** On to what is due next, which happens. False: nothing waits. */
  passToNext(): boolean {
    let next: { readonly atMs: number; readonly due: () => void } | undefined;
    for (const wait of this.#waits) if (next === undefined || wait.atMs < next.atMs) next = wait;
    if (next === undefined) return false;
    this.#waits.delete(next);
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    next.due();
    return true;
  }
}
