import type { ManagerEvent } from './manager.ts';

type Told = ManagerEvent extends infer Each
  ? Each extends ManagerEvent
    ? Omit<Each, 'revision' | 'at'>
    : never
  : never;

/** Numbers what happens, and tells whoever listens. */
export class EventStream {
  revision = 0;
  readonly #listeners = new Set<(event: ManagerEvent) => void>();
  readonly #now: () => string;

  constructor(now: () => string) {
    this.#now = now;
  }

  on(listener: (event: ManagerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(told: Told): void {
    this.revision += 1;
    const event: ManagerEvent = { revision: this.revision, at: this.#now(), ...told };
    for (const listener of this.#listeners) listener(event);
  }
}
