import { HYPERCALL_INPUTS } from '../../hyperv/index.ts';
import { messageLayoutOf } from '../../vmbus/index.ts';
import { type MessageShape, readFields, type ReadItem, recognisePacket, REPLIES } from '../../vpci/index.ts';
import { HEADER_SHAPE, RECORD_SHAPES } from '../dissector/shape-names.ts';
import { PACKET_RECORD, RECORD_LAYOUTS, RecordKind } from '../record-layouts.ts';
import { readRecord } from '../read-record.ts';

/** Every field of a record by the name that Wireshark has for it, and its values in the order in which they stand. */
export function flatFields(bytes: Uint8Array): ReadonlyMap<string, readonly string[]> {
  const flat = new Map<string, string[]>();
  const record = readRecord(bytes);
  if (record === undefined) throw new RangeError('no record');
  const shape = RECORD_SHAPES[RecordKind[record.kind] - 1];
  if (shape === undefined) throw new RangeError('no table for the record');
  add(flat, HEADER_SHAPE.prefix, readFields(HEADER_SHAPE.shape, bytes));
  add(flat, shape.prefix, readFields(shape.shape, bytes));
  add(flat, prefixOf(bytes, record), record.items);
  return flat;
}

function add(flat: Map<string, string[]>, prefix: string, items: readonly ReadItem[]): void {
  for (const item of items) {
    const name = `${prefix}.${item.name}`;
    if ('cells' in item) for (const cell of item.cells) add(flat, name, cell);
    // Wireshark shows no empty texts.
    else if (item.value !== '') flat.set(name, [...(flat.get(name) ?? []), text(item.value)]);
  }
}

function prefixOf(bytes: Uint8Array, record: NonNullable<ReturnType<typeof readRecord>>): string {
  const payload = bytes.subarray(RECORD_LAYOUTS[record.kind].sizeBytes);
  if (record.kind === 'message') return `dda.vmbus.${messageLayoutOf(payload)?.name ?? ''}`;
  if (record.kind === 'hypercall') {
    const isKnown = [...HYPERCALL_INPUTS.values()].flat().some(({ name }) => name === record.name);
    return `dda.hypercall.${isKnown ? record.name : ''}`;
  }
  if (!record.name.endsWith('completion')) return `dda.vpci.${record.name}`;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const requestType = view.getUint32(PACKET_RECORD.fields.requestType.offset, true);
  const { shape } = recognisePacket(payload, 'completion', requestType === 0 ? undefined : requestType);
  return `dda.vpci.completion.${replyName(shape)}`;
}

function replyName(shape: MessageShape | undefined): string {
  return Object.entries(REPLIES).find(([, reply]) => reply === shape)?.[0] ?? '';
}

function text(value: number | bigint | string | Uint8Array): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value);
}
