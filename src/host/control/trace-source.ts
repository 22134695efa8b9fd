import type { TraceChunk, TraceReader } from '../../trace/index.ts';

/** What a VM records, and at last, in a sentence, why nothing more comes. */
export type TraceNews = TraceChunk | { readonly ended: string };

/** What traces are read from. */
export interface TraceSource {
  open(grown: () => void): TraceReader;
  /** Resolves when nothing more comes, with a sentence that says why. */
  readonly ended: Promise<string>;
}

/** Of records at a time, unless one is longer. */
const CHUNK_BYTES = 16 * 1024;

/** All that is recorded from the first look on, as fast as it is taken. It ends with the source, or by `left`. */
export async function* traceNews(source: TraceSource, left: AbortSignal): AsyncGenerator<TraceNews> {
  let wake: () => void = () => undefined;
  let sentence: string | undefined;
  const reader = source.open(() => wake());
  void source.ended.then((words) => {
    sentence = words;
    wake();
  });
  const onLeft = (): void => wake();
  left.addEventListener('abort', onLeft);
  try {
    while (!left.aborted) {
      // Looked at before the ring is: what came before the end is read after it.
      const over = sentence;
      const chunk = reader.read(CHUNK_BYTES);
      if (chunk !== undefined) yield chunk;
      else if (over !== undefined) {
        yield { ended: over };
        return;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (left.aborted || sentence !== undefined) resolve();
        });
      }
    }
  } finally {
    left.removeEventListener('abort', onLeft);
    reader.close();
  }
}
