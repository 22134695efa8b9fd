import type { EventJson } from '../schemas/audit.ts';
import type { EventLog } from './event-log.ts';

/** A line without meaning, so that whoever went away unseen is found out. */
const HEARTBEAT_MS = 15_000;
const encoder = new TextEncoder();

/** Where a reader goes on: what it has had last. */
export interface EventPosition {
  /** Which run of the daemon counted it. */
  readonly run: string;
  readonly revision: number;
}

/** The id of an event in the stream, which comes back as Last-Event-ID: `RUN-REVISION`. */
export function eventId({ run, revision }: EventPosition): string {
  return `${run}-${revision}`;
}

/** Undefined: not an id that this API gave. */
export function parseEventId(text: string): EventPosition | undefined {
  const [, run, digits] = /^([0-9a-z]{1,32})-(\d{1,15})$/.exec(text) ?? [];
  return run === undefined ? undefined : { run, revision: Number(digits) };
}

/**
 * Server-sent events from `from` on; undefined: from now on. One event waits in the stream at the most; the log waits for
 * the reader, not the other way round. `ended` is called once, when the reader went away or `stopping` said so.
 */
export function eventStream(
  log: EventLog,
  run: string,
  from: EventPosition | undefined,
  stopping: AbortSignal,
  ended: () => void,
): ReadableStream<Uint8Array> {
  const gone = new AbortController();
  const anyEnd = AbortSignal.any([gone.signal, stopping]);
  // Counted by an earlier run, a revision means nothing here: as if all had been lost.
  let revision = from === undefined ? log.latest : from.run === run ? from.revision : -1;
  const send = (event: EventJson): Uint8Array => {
    revision = event.revision;
    const id = eventId({ run, revision });
    return encoder.encode(`id: ${id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`);
  };
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(encoder.encode(`retry: 1000\nid: ${eventId({ run, revision })}\n\n`)),
      pull: async (controller) => {
        const next = log.after(revision);
        if (next !== undefined) {
          controller.enqueue(send(next.kind === 'event' ? next.event : lost(log.latest)));
          return;
        }
        const beat = AbortSignal.timeout(HEARTBEAT_MS);
        await log.waitFor(AbortSignal.any([anyEnd, beat]));
        if (gone.signal.aborted) return;
        if (stopping.aborted) {
          ended();
          controller.close();
        } else {
          const arrived = log.after(revision);
          if (arrived === undefined) controller.enqueue(encoder.encode(':\n\n'));
          else controller.enqueue(send(arrived.kind === 'event' ? arrived.event : lost(log.latest)));
        }
      },
      cancel: () => {
        gone.abort();
        ended();
      },
    },
    { highWaterMark: 1 },
  );
}

function lost(revision: number): EventJson {
  return { revision, at: new Date().toISOString(), kind: 'lost' };
}
