import type { EventJson } from '../schemas/audit.ts';

/** What a reader is given next. `lost`: what it should have had next is gone, and everything must be read anew. */
export type NextEvent = { readonly kind: 'event'; readonly event: EventJson } | { readonly kind: 'lost' };

/**
 * The last events, for readers that go at their own pace. A reader is no more than a number here, the revision it has, so
 * one that is slow costs nothing: what it misses is dropped for all, and it is told so.
 */
export class EventLog {
  readonly #capacity: number;
  /** Consecutive revisions, oldest first. */
  #events: EventJson[] = [];
  #latest: number;
  readonly #waiting = new Set<() => void>();

  /** `revision`: where everything stands before the first event. */
  constructor(revision: number, capacity: number) {
    this.#latest = revision;
    this.#capacity = capacity;
  }

  get latest(): number {
    return this.#latest;
  }

  push(event: EventJson): void {
    this.#events.push(event);
    // Twice the room, so that most pushes move nothing.
    if (this.#events.length >= this.#capacity * 2) this.#events = this.#events.slice(-this.#capacity);
    this.#latest = event.revision;
    this.#wake();
  }

  /** What comes after `revision`; undefined: nothing yet. */
  after(revision: number): NextEvent | undefined {
    if (revision === this.#latest) return undefined;
    const first = this.#events[0]?.revision ?? this.#latest + 1;
    const event = this.#events[revision + 1 - first];
    return event === undefined || revision > this.#latest ? { kind: 'lost' } : { kind: 'event', event };
  }

  /** Resolves with the next event, or when `signal` says so. */
  async waitFor(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', done);
    });
  }

  #wake(): void {
    for (const done of this.#waiting) done();
  }
}
