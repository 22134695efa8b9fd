import type { TraceChunk, TraceReader } from '../../trace/index.ts';

/** What records: a machine. */
export interface TracedMachine {
  openTrace(grown: () => void): TraceReader;
}

interface Follower {
  readonly grown: () => void;
  /** Of one machine after the other, the oldest that may still have something first. */
  readonly readers: TraceReader[];
}

/** Who reads the trace of a VM that may be started anew: they are given what the next machine records after all of the last one's. */
export class RunTraces {
  readonly #followers = new Set<Follower>();
  readonly #ended = Promise.withResolvers<string>();
  #machine: TracedMachine | undefined;

  /** Resolves when nothing more comes, with a sentence that says why. */
  get ended(): Promise<string> {
    return this.#ended.promise;
  }

  /** A machine is there; it has done nothing yet. */
  follow(machine: TracedMachine): void {
    this.#machine = machine;
    for (const { grown, readers } of this.#followers) readers.push(machine.openTrace(grown));
  }

  /** From now on, be there a machine or not. */
  open(grown: () => void): TraceReader {
    const readers = this.#machine === undefined ? [] : [this.#machine.openTrace(grown)];
    const follower = { grown, readers };
    this.#followers.add(follower);
    return {
      read: (maxBytes) => readNext(readers, maxBytes),
      close: () => {
        this.#followers.delete(follower);
        for (const reader of readers.splice(0)) reader.close();
      },
    };
  }

  end(sentence: string): void {
    this.#ended.resolve(sentence);
  }
}

function readNext(readers: TraceReader[], maxBytes: number): TraceChunk | undefined {
  for (let reader = readers[0]; reader !== undefined; reader = readers[0]) {
    const chunk = reader.read(maxBytes);
    if (chunk !== undefined || readers.length === 1) return chunk;
    reader.close();
    readers.shift();
  }
  return undefined;
}
