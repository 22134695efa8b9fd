/** What VMBus tells the person who runs the VM. `code` is stable; `text` is a sentence with numbers, never guest text. */
export interface VmbusLogEntry {
  readonly severity: 'info' | 'warning';
  readonly code: string;
  readonly text: string;
}

/** Each code is logged this many times in full; after that only its 16th, 32nd, 64th … occurrence. */
const LOGGED_IN_FULL = 8;

/**
 * Counts what guests cause and passes on so little of it that no guest can flood a log: a code that occurred n times took
 * at most 8 + log2(n) lines, anew for each {@link renew}. Reconnecting renews nothing: guests can do that in a loop.
 */
export class EventLog {
  readonly #write: (entry: VmbusLogEntry) => void;
  readonly #counts = new Map<string, number>();
  readonly #countsSinceRenewal = new Map<string, number>();

  constructor(write: (entry: VmbusLogEntry) => void) {
    this.#write = write;
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Something came from the host, so what follows is worth telling in full again. */
  renew(): void {
    this.#countsSinceRenewal.clear();
  }

  log(severity: VmbusLogEntry['severity'], code: string, text: string): void {
    increment(this.#counts, code);
    const count = increment(this.#countsSinceRenewal, code);
    if (count <= LOGGED_IN_FULL) this.#write({ severity, code, text });
    else if (Number.isInteger(Math.log2(count)))
      this.#write({ severity, code, text: `${text} (time ${count} of this kind)` });
  }
}

function increment(counts: Map<string, number>, code: string): number {
  const count = (counts.get(code) ?? 0) + 1;
  counts.set(code, count);
  return count;
}
