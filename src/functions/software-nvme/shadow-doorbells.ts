import type { GuestMemory } from './guest-memory.ts';
import type { CompletionQueue, SubmissionQueue } from './queues.ts';

const entryBytes = 4;

/**
 * Doorbells in guest memory, one page, and beside it a page where the controller says from which value on it wants to be told
 * (NVM Express Base Specification 1.4, 5.7 and 7.13). A guest that has them writes to a doorbell register only to wake the controller,
 * so nobody need see what it writes there. The admin queue's keep their registers: guests differ over whether it has a shadow.
 */
export class ShadowDoorbells {
  readonly #memory: GuestMemory;
  readonly #shadow: number;
  readonly #eventIndex: number;
  readonly #dword = new Uint32Array(1);

  /** Two pages of guest memory. */
  constructor(memory: GuestMemory, shadow: number, eventIndex: number) {
    this.#memory = memory;
    this.#shadow = shadow;
    this.#eventIndex = eventIndex;
  }

  /** What a queue's doorbell is from here on, for one that has been in use. */
  adopt(queue: SubmissionQueue | CompletionQueue, kind: 'submission' | 'completion'): void {
    const value = kind === 'submission' ? queue.tail : queue.head;
    this.#write(this.#shadow, entry(queue.id, kind), value);
    this.#write(this.#eventIndex, entry(queue.id, kind), value);
  }

  /** What the guest says now; undefined: the page is gone. */
  read(id: number, kind: 'submission' | 'completion'): number | undefined {
    return this.#memory.readDwords(this.#shadow + entry(id, kind), this.#dword, 1) ? this.#dword[0] : undefined;
  }

  /** Asks to be told of the next change after `value`. What changed just before must be looked for after this. */
  arm(id: number, kind: 'submission' | 'completion', value: number): void {
    this.#write(this.#eventIndex, entry(id, kind), value);
    this.#memory.fence();
  }

  #write(page: number, offset: number, value: number): void {
    this.#dword[0] = value;
    this.#memory.writeDwords(page + offset, this.#dword, 1);
  }
}

function entry(id: number, kind: 'submission' | 'completion'): number {
  return (2 * id + (kind === 'submission' ? 0 : 1)) * entryBytes;
}
