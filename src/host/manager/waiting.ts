/** Requests that wait until functions or VMs have come to rest. */
export class Waiting {
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #rejections = new Set<(reason: Error) => void>();
  #ended: Error | undefined;

  /** Resolves as soon as `isDone` is true; looked at when one of the keys changes. */
  until(keys: readonly string[], isDone: () => boolean): Promise<void> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (isDone()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!isDone()) return;
        for (const key of keys) this.#forget(key, look);
        this.#rejections.delete(reject);
        resolve();
      };
      for (const key of keys) {
        const looks = this.#waiting.get(key);
        if (looks === undefined) this.#waiting.set(key, new Set([look]));
        else looks.add(look);
      }
      this.#rejections.add(reject);
    });
  }

  changed(key: string): void {
    for (const look of [...(this.#waiting.get(key) ?? [])]) look();
  }

  /** Nobody waits any more. */
  end(reason: Error): void {
    this.#ended = reason;
    for (const reject of this.#rejections) reject(reason);
    this.#rejections.clear();
    this.#waiting.clear();
  }

  #forget(key: string, look: () => void): void {
    const looks = this.#waiting.get(key);
    looks?.delete(look);
    if (looks?.size === 0) this.#waiting.delete(key);
  }
}
