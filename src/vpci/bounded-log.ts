import type { VpciLogEntry } from './port.ts';

/** Each code is passed on this many times; after that only its 16th, 32nd, 64th … occurrence. */
const PASSED_IN_FULL = 8;

/** Passes on so little of what guests cause that none can flood a log, however often it opens its channel anew. */
export class BoundedLog {
  readonly #write: (entry: VpciLogEntry) => void;
  readonly #counts = new Map<string, number>();

  constructor(write: (entry: VpciLogEntry) => void) {
    this.#write = write;
  }

  log(severity: VpciLogEntry['severity'], code: string, text: string): void {
    const count = (this.#counts.get(code) ?? 0) + 1;
    this.#counts.set(code, count);
    if (count <= PASSED_IN_FULL) this.#write({ severity, code, text });
    else if (Number.isInteger(Math.log2(count))) this.#write({ severity, code, text: `${text} (${count} times)` });
  }
}
