import { readRecord, recordJson, recordsIn, type TraceChunk } from '../../trace/index.ts';
import type { TraceEventJson } from '../schemas/trace.ts';

/** What may wait for a reader that is slow; beyond that the oldest is lost, and that is said. */
const MAX_WAITING_BYTES = 1024 * 1024;
/** A line without meaning, so that whoever went away unseen is found out. */
const HEARTBEAT_MS = 15_000;
const encoder = new TextEncoder();

export interface TraceStreamParts {
  /** Begins, and gives what ends it. */
  readonly watch: (listener: (chunk: TraceChunk) => void) => () => void;
  /** Nothing more comes, for the reason that it was aborted with, a sentence. */
  readonly over: AbortSignal;
  /** Called once. */
  readonly ended: () => void;
}

/** Server-sent events of a trace. Records are read by the tables only as the reader takes them. */
export function traceStream({ watch, over, ended }: TraceStreamParts): ReadableStream<Uint8Array> {
  const waiting = new WaitingRecords();
  const stop = watch((chunk) => waiting.push(chunk));
  let [isFree, isGone] = [false, false];
  const free = (): void => {
    if (isFree) return;
    isFree = true;
    stop();
    ended();
  };
  const onOver = (): void => {
    free();
    waiting.wake();
  };
  over.addEventListener('abort', onOver);
  if (over.aborted) onOver();
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(encoder.encode(':\n\n')),
      pull: async (controller) => {
        let next = waiting.take();
        if (next === undefined && !over.aborted) {
          await waiting.grown(HEARTBEAT_MS);
          next = waiting.take();
        }
        if (isGone) return;
        if (next !== undefined) controller.enqueue(encodeEvent(next));
        else if (over.aborted) {
          controller.enqueue(encodeEvent({ kind: 'ended', sentence: String(over.reason) }));
          controller.close();
        } else controller.enqueue(encoder.encode(':\n\n'));
      },
      cancel: () => {
        isGone = true;
        over.removeEventListener('abort', onOver);
        free();
        waiting.wake();
      },
    },
    { highWaterMark: 1 },
  );
}

function encodeEvent(event: TraceEventJson): Uint8Array {
  return encoder.encode(`event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`);
}

/** Chunks that wait for one reader. */
class WaitingRecords {
  #chunks: TraceChunk[] = [];
  #bytes = 0;
  #lost = 0;
  /** Of the first chunk, those that were not taken yet. */
  #records: readonly Uint8Array[] = [];
  #wake: () => void = () => undefined;

  push(chunk: TraceChunk): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.records.byteLength;
    while (this.#bytes > MAX_WAITING_BYTES && this.#chunks.length > 1) {
      const dropped = this.#chunks.shift();
      if (dropped === undefined) break;
      this.#bytes -= dropped.records.byteLength;
      this.#lost += dropped.lost + (recordsIn(dropped.records)?.length ?? 0);
    }
    this.wake();
  }

  wake(): void {
    this.#wake();
  }

  /** Resolves when there may be something, or after so long. */
  async grown(atMostMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, atMostMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  take(): TraceEventJson | undefined {
    if (this.#records.length === 0) {
      const chunk = this.#lost === 0 ? this.#chunks[0] : undefined;
      if (chunk !== undefined) {
        this.#chunks.shift();
        this.#bytes -= chunk.records.byteLength;
        this.#lost = chunk.lost;
        this.#records = recordsIn(chunk.records) ?? [];
      }
    }
    if (this.#lost > 0) {
      const count = this.#lost;
      this.#lost = 0;
      return { kind: 'lost', count };
    }
    const [record, ...others] = this.#records;
    if (record === undefined) return undefined;
    this.#records = others;
    const read = readRecord(record);
    if (read === undefined) return { kind: 'lost', count: 1 };
    const { kind: recordKind, ...json } = recordJson(read);
    return { kind: 'record', recordKind, ...json, bytes: Buffer.from(record).toString('base64') };
  }
}
