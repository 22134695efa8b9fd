import type { ClockPort } from './ports.ts';

/** One wait for each key: until when, as the state says. Setting the same again changes nothing. */
export class Timers {
  readonly #clock: ClockPort;
  readonly #waits = new Map<string, { readonly untilMs: number; readonly cancel: () => void }>();

  constructor(clock: ClockPort) {
    this.#clock = clock;
  }

  /** Calls `due` when it is `untilMs`; undefined: doesn't wait any more. */
  set(key: string, untilMs: number | undefined, due: () => void): void {
    const wait = this.#waits.get(key);
    if (wait?.untilMs === untilMs) return;
    wait?.cancel();
    this.#waits.delete(key);
    if (untilMs === undefined) return;
    const cancel = this.#clock.after(Math.max(0, untilMs - this.#clock.nowMs()), () => {
      this.#waits.delete(key);
      // A timer may be a moment early.
      if (this.#clock.nowMs() < untilMs) this.set(key, untilMs, due);
      else due();
    });
    this.#waits.set(key, { untilMs, cancel });
  }

  stop(): void {
    for (const { cancel } of this.#waits.values()) cancel();
    this.#waits.clear();
  }
}
