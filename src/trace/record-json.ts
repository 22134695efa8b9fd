import { formatTime, type JsonValue, jsonFields } from './format-record.ts';
import type { TraceRecord } from './read-record.ts';

/** A record for programs. Numbers of 64 bits and bytes are in hexadecimal; null: it has none. */
export interface RecordJson {
  readonly sequence: number;
  /** ISO 8601, UTC, with nanoseconds. */
  readonly time: string;
  readonly kind: TraceRecord['kind'];
  readonly direction: TraceRecord['direction'];
  readonly vp: number | null;
  readonly channel: { readonly relid: number; readonly instanceId: string | null; readonly name: string } | null;
  readonly name: string;
  readonly fields: Readonly<Record<string, JsonValue>>;
  readonly note: string | null;
  readonly transactionId: string | null;
  readonly completionRequested: boolean;
  readonly status: string | null;
  readonly payloadBytes: number;
}

export function recordJson(record: TraceRecord): RecordJson {
  const { channel, transactionId } = record;
  return {
    sequence: record.sequence,
    time: formatTime(record.timeNs),
    kind: record.kind,
    direction: record.direction,
    vp: record.vp ?? null,
    channel:
      channel === undefined
        ? null
        : { relid: channel.relid, instanceId: channel.instanceId ?? null, name: channel.name },
    name: record.name,
    fields: jsonFields(record.items),
    note: record.note ?? null,
    transactionId: transactionId === undefined ? null : `0x${transactionId.toString(16)}`,
    completionRequested: record.completionRequested,
    status: record.status ?? null,
    payloadBytes: record.payloadBytes,
  };
}
