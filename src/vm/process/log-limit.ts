/** How many lines may come at once, and how many a second after that. What a guest causes must not fill a disk. */
const BURST = 20;
const PER_SECOND = 2;

/** Lets through what keeps within a rate and counts the rest. */
export class LogLimit {
  #tokens = BURST;
  #lastMs: number;
  #dropped = 0;

  constructor(nowMs: number) {
    this.#lastMs = nowMs;
  }

  /** How many lines were left out since the last that passed; undefined: leave this one out, too. */
  pass(nowMs: number): number | undefined {
    this.#tokens = Math.min(BURST, this.#tokens + ((nowMs - this.#lastMs) / 1000) * PER_SECOND);
    this.#lastMs = nowMs;
    if (this.#tokens < 1) {
      this.#dropped += 1;
      return undefined;
    }
    this.#tokens -= 1;
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }
}
