import type { Readable } from 'node:stream';

const TAIL_CHARACTERS = 3000;

/** A marker that the guest printed. */
export interface Seen {
  /** By `performance.now()`. */
  readonly at: number;
  /** What the guest printed between the marker before and this one. */
  readonly text: string;
}

/** A guest's serial console: markers to wait for, one after another. */
export class GuestConsole {
  #text = '';
  /** Behind the last marker that was waited for: a marker that comes twice is found twice. */
  #position = 0;
  #failure: Error | undefined;
  #look: (() => void) | undefined;

  constructor(output: Readable) {
    output.setEncoding('utf8');
    output.on('data', (text: string) => {
      this.#text += text;
      this.#look?.();
    });
  }

  /** The last that the guest printed. */
  get tail(): string {
    return this.#text.slice(-TAIL_CHARACTERS);
  }

  /** Every later wait ends with this. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#look?.();
  }

  async waitFor(marker: string, timeoutMs: number): Promise<Seen> {
    const { promise, resolve, reject } = Promise.withResolvers<Seen>();
    this.#look = () => {
      const found = this.#text.indexOf(marker, this.#position);
      if (found >= 0) {
        const text = this.#text.slice(this.#position, found);
        this.#position = found + marker.length;
        this.#look = undefined;
        resolve({ at: performance.now(), text });
      } else if (this.#failure !== undefined) {
        reject(this.#failure);
      }
    };
    const timer = setTimeout(
      () => reject(new Error(`The guest had not printed '${marker}' after ${timeoutMs} ms.`)),
      timeoutMs,
    );
    try {
      this.#look();
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#look = undefined;
    }
  }
}
