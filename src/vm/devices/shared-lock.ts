const FREE = 0;
const HELD = 1;
const CONTENDED = 2;
/** Tries before the thread sleeps: a holder does one register access or one ioctl, then lets go. */
const SPINS = 100;

/**
 * A lock in one 32-bit word of shared memory, for threads of one process. Not re-entrant. A thread that finds it held
 * spins briefly, then sleeps: on a machine with one CPU the holder could not go on otherwise.
 */
export class SharedLock {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #index: number;

  constructor(words: Int32Array<SharedArrayBuffer>, index: number) {
    this.#words = words;
    this.#index = index;
  }

  acquire(): void {
    for (let spin = 0; spin < SPINS; spin++) {
      if (Atomics.compareExchange(this.#words, this.#index, FREE, HELD) === FREE) return;
    }
    while (Atomics.exchange(this.#words, this.#index, CONTENDED) !== FREE) {
      Atomics.wait(this.#words, this.#index, CONTENDED);
    }
  }

  release(): void {
    if (Atomics.exchange(this.#words, this.#index, FREE) === CONTENDED) Atomics.notify(this.#words, this.#index, 1);
  }
}
