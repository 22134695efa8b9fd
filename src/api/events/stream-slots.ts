import { ApiError } from '../errors.ts';

/** How many readers of events and consoles there may be at once. */
const MAX_STREAMS = 64;

/** Counts the streams that are open, and ends them all when the daemon ends. */
export class StreamSlots {
  #open = 0;
  readonly #stopping = new AbortController();

  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  get open(): number {
    return this.#open;
  }

  /** Gives what frees the slot, which may be called more than once. Throws ApiError `daemon-busy`, `daemon-stopping`. */
  take(asked: string): () => void {
    if (this.#stopping.signal.aborted) {
      throw new ApiError('daemon-stopping', {
        asked,
        obstacle: 'the daemon is about to end.',
        remedy: 'Ask the next one.',
      });
    }
    if (this.#open >= MAX_STREAMS) {
      throw new ApiError('daemon-busy', {
        asked,
        obstacle: `${MAX_STREAMS} readers follow events or consoles already.`,
        remedy: 'End one of them, or ask again later.',
      });
    }
    this.#open += 1;
    let isFree = false;
    return () => {
      if (isFree) return;
      isFree = true;
      this.#open -= 1;
    };
  }

  endAll(): void {
    this.#stopping.abort();
  }
}
