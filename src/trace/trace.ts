import { TraceRecorder } from './recorder.ts';
import { type TraceChunk, type TraceCursor, TraceRing } from './trace-ring.ts';

/** What a VM's trace may keep: the last few thousand records. */
export const TRACE_RING_BYTES: number = 1024 * 1024;

export interface TraceParts {
  /** Nanoseconds since 1970. */
  readonly nowNs: () => bigint;
  /** Runs `work` in a later turn of this thread. */
  readonly schedule: (work: () => void) => void;
  readonly ringBytes?: number;
}

/** One reader's place in a trace. */
export interface TraceReader {
  /** Whole records, together at most `maxBytes` or just one; undefined: nothing new. */
  read(maxBytes: number): TraceChunk | undefined;
  /** Idempotent. */
  close(): void;
}

/**
 * One VM's trace. It records while somebody reads, and has memory only then; {@link recorder} is what the taps of the hypervisor
 * and of VMBus look at.
 */
export class Trace {
  /** Undefined: nobody reads. */
  recorder: TraceRecorder | undefined;
  readonly #parts: TraceParts;
  readonly #readers = new Set<() => void>();
  #ring: TraceRing | undefined;
  #scheduled = false;

  constructor(parts: TraceParts) {
    this.#parts = parts;
  }

  /** From now on. `grown` is called in a later turn whenever there may be something new; it must not throw. */
  open(grown: () => void): TraceReader {
    const ring = this.#start();
    const wake = (): void => grown();
    this.#readers.add(wake);
    let cursor: TraceCursor = ring.end();
    return {
      read: (maxBytes) => {
        const found = ring.read(cursor, maxBytes);
        if (found === undefined) return undefined;
        cursor = found.next;
        return found.chunk;
      },
      close: () => {
        if (this.#readers.delete(wake) && this.#readers.size === 0) this.#stop();
      },
    };
  }

  #start(): TraceRing {
    const ring = (this.#ring ??= new TraceRing(this.#parts.ringBytes ?? TRACE_RING_BYTES));
    this.recorder ??= new TraceRecorder({ ring, nowNs: this.#parts.nowNs, recorded: () => this.#recorded() });
    return ring;
  }

  #stop(): void {
    this.recorder = undefined;
    this.#ring = undefined;
  }

  #recorded(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#parts.schedule(() => {
      this.#scheduled = false;
      for (const wake of this.#readers) wake();
    });
  }
}
