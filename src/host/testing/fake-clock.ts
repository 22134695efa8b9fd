import type { ClockPort } from '../manager/ports.ts';

/** Time that passes when a test says so. */
export class FakeClock implements ClockPort {
  #nowMs = Date.parse('2026-01-02T03:04:05Z');
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

  /** On to what is due next, which happens, without what follows from it. False: nothing waits. */
  passToNext(): boolean {
    let next: { readonly atMs: number; readonly due: () => void } | undefined;
    for (const wait of this.#waits) if (next === undefined || wait.atMs < next.atMs) next = wait;
    if (next === undefined) return false;
    this.#waits.delete(next);
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    next.due();
    return true;
  }

  /** Whatever is due within that time comes to pass, in order, with everything that follows from it. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      await settle();
      const next = [...this.#waits].toSorted((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#waits.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.due();
    }
    this.#nowMs = endMs;
    await settle();
  }

  /** Until nothing waits any more, at most `mostMs`. */
  async passAll(mostMs = 3_600_000): Promise<void> {
    const endMs = this.#nowMs + mostMs;
    await settle();
    while (this.#waits.size > 0 && this.#nowMs < endMs) {
      const next = Math.min(...[...this.#waits].map(({ atMs }) => atMs));
      await this.pass(Math.max(0, next - this.#nowMs));
    }
  }
}

/** Lets everything happen that waits for no time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
