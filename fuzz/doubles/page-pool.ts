import type { AllocatePages } from '../../src/functions/index.ts';

/** Pages for functions, used again from run to run: making them anew would cost more than what a run does with them. */
export class PagePool {
  readonly #free = new Map<number, Uint8Array[]>();
  #taken: Uint8Array[] = [];
  #next = 0x7f00_0000_0000n;

  readonly allocate: AllocatePages = (_name, sizeBytes) => {
    const bytes = this.#free.get(sizeBytes)?.pop()?.fill(0) ?? new Uint8Array(sizeBytes);
    this.#taken.push(bytes);
    const address = this.#next;
    this.#next += BigInt(sizeBytes);
    return { bytes, address, close: () => undefined };
  };

  /** The run is over: all that was taken is free. */
  renew(): void {
    for (const bytes of this.#taken) {
      const free = this.#free.get(bytes.length);
      if (free === undefined) this.#free.set(bytes.length, [bytes]);
      else free.push(bytes);
    }
    this.#taken = [];
    this.#next = 0x7f00_0000_0000n;
  }
}
