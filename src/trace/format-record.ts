import { formatFields, type ReadItem } from '../vpci/index.ts';
import type { TraceRecord } from './read-record.ts';

const NS_PER_MS = 1_000_000n;
const NS_PER_SECOND = 1_000_000_000n;

/** ISO 8601, UTC, with nanoseconds. */
export function formatTime(timeNs: bigint): string {
  const seconds = new Date(Number(timeNs / NS_PER_MS)).toISOString().slice(0, 19);
  return `${seconds}.${String(timeNs % NS_PER_SECOND).padStart(9, '0')}Z`;
}

/** Which channel, in a word: what its device is called, or its number. */
export function formatChannel({ channel, kind }: TraceRecord): string {
  if (channel === undefined) return kind === 'message' ? 'vmbus' : '';
  return channel.name === '' ? `channel ${channel.relid}` : channel.name;
}

/** The message and its fields, its transaction, and what there is to say besides: one line. */
export function formatMessage(record: TraceRecord): string {
  const { name, items, transactionId, completionRequested, status, vp, note } = record;
  const hasTransaction = transactionId !== undefined && (transactionId !== 0n || completionRequested);
  return [
    name,
    ...formatFields(items),
    ...(vp === undefined ? [] : [`vp=${vp}`]),
    ...(hasTransaction ? [`#0x${transactionId.toString(16)}`] : []),
    ...(status === undefined ? [] : [`= ${status}`]),
    ...(note === undefined ? [] : [`(${note})`]),
  ].join(' ');
}

/** A field in JSON: numbers of 64 bits and bytes in hexadecimal. */
export type JsonValue = number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/** Fields by name. Structures side by side are a list; those of a single number, a list of numbers. */
export function jsonFields(items: readonly ReadItem[]): Readonly<Record<string, JsonValue>> {
  return Object.fromEntries(items.map((item) => [item.name, jsonItem(item)]));
}

function jsonItem(item: ReadItem): JsonValue {
  if (!('cells' in item)) return jsonValue(item.value);
  return item.cells.map((cell) => {
    const [only] = cell;
    return cell.length === 1 && only !== undefined && !('cells' in only) ? jsonValue(only.value) : jsonFields(cell);
  });
}

function jsonValue(value: number | bigint | string | Uint8Array): JsonValue {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
}
