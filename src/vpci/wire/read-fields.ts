import type { Field } from '../../vmbus/index.ts';
import { formatSlot } from '../slot.ts';
import { cells, fieldsOf, type MessageShape, type Part, type Shape } from './shape.ts';
import { formatStatus } from './status.ts';
import { formatVersion } from './version.ts';

/** One field of a message as it was read, or the structures that a field or the message's tail holds. */
export type ReadItem = ReadField | ReadCells;

export interface ReadField {
  readonly name: string;
  readonly field: Field;
  readonly value: number | bigint | string | Uint8Array;
}

export interface ReadCells {
  readonly name: string;
  /** Without those at the end that hold only zeros, where their number is not told by the message. */
  readonly cells: readonly (readonly ReadItem[])[];
  /** How many the message announces and has no bytes for. */
  readonly missing: number;
}

/** More cells of an array than this are told by their number. */
const CELLS_SHOWN = 8;

/** A field of these names is shown as what it means; other numbers in decimal. */
const FORMATS: Readonly<Record<string, (value: number) => string>> = {
  slot: formatSlot,
  status: formatStatus,
  version: formatVersion,
  mask: hexadecimal,
  vendorId: hexadecimal,
  deviceId: hexadecimal,
  subsystemVendorId: hexadecimal,
  subsystemId: hexadecimal,
  baseClass: hexadecimal,
  subClass: hexadecimal,
  addressLow: hexadecimal,
  data: hexadecimal,
  vector: hexadecimal,
};

/** Whether numbers of this field are shown in hexadecimal, where only a base can be chosen. */
export function isHexadecimal(name: string, type: Field['type']): boolean {
  return type === 'u64' || name === 'type' || (name in FORMATS && name !== 'slot');
}

/** What the cells behind a message's fixed part are called, after the field that counts them: `descriptors`. */
export function tailName(countField: string): string {
  return `${countField.replace(/Count$/, '')}s`;
}

/** Everything that the table names, in the order in which it stands. `payload` has the fixed part at least (else: RangeError). */
export function readFields(message: MessageShape, payload: Uint8Array): readonly ReadItem[] {
  const { layout, tail } = message;
  const items = readShape(message, payload);
  if (tail === undefined) return items;
  const count = Number(layout.decode(payload)[tail.countField]);
  const room = Math.floor((payload.byteLength - layout.sizeBytes) / tail.cellBytes);
  const present = Math.min(count, room, tail.most);
  if (count === 0) return items;
  const all = cells(payload.subarray(layout.sizeBytes), tail.cellBytes, present);
  const read = all.map((cell) => readShape(tail.shape, cell));
  return [...items, { name: tailName(tail.countField), cells: read, missing: count - present }];
}

function readShape(shape: Shape, bytes: Uint8Array): readonly ReadItem[] {
  const values = shape.layout.decode(bytes);
  return fieldsOf(shape).flatMap(([name, field]): ReadItem[] => {
    const part = shape.parts?.[name];
    const raw = bytes.subarray(field.offset, field.offset + field.sizeBytes);
    if (part !== undefined) return [{ name, cells: readPart(part, raw), missing: 0 }];
    const value = values[name];
    return value === undefined ? [] : [{ name, field, value }];
  });
}

function readPart(part: Part, raw: Uint8Array): readonly (readonly ReadItem[])[] {
  const all = cells(raw, part.cellBytes, Math.floor(raw.byteLength / part.cellBytes));
  const used = all.slice(0, all.findLastIndex((cell) => cell.some((byte) => byte !== 0)) + 1);
  return used.map((cell) => readShape(part.shape, cell));
}

/** `name=value` for each field; the message type, bytes that are all zero and empty lists say nothing and are left out. */
export function formatFields(items: readonly ReadItem[]): string[] {
  return items.flatMap((item) => {
    if ('cells' in item) return formatCells(item);
    const { name, value } = item;
    if (name === 'type' || (value instanceof Uint8Array && value.every((byte) => byte === 0))) return [];
    return [`${name}=${formatValue(name, value)}`];
  });
}

function formatCells({ name, cells: all, missing }: ReadCells): string[] {
  const words: string[] = [];
  if (all.length > 0) {
    const shown = all.slice(0, CELLS_SHOWN).map((cell) => {
      const [only] = cell;
      // A list of plain numbers needs no names.
      if (cell.length === 1 && only !== undefined && !('cells' in only)) return formatValue(only.name, only.value);
      return `{${formatFields(cell).join(' ')}}`;
    });
    const more = all.length > CELLS_SHOWN ? [`… ${all.length - CELLS_SHOWN} more`] : [];
    words.push(`${name}=[${[...shown, ...more].join(', ')}]`);
  }
  if (missing > 0) words.push(`(${missing} missing)`);
  return words;
}

function formatValue(name: string, value: ReadField['value']): string {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  if (typeof value === 'number') return (FORMATS[name] ?? String)(value);
  return typeof value === 'string' ? value : `${value.byteLength} bytes`;
}

function hexadecimal(value: number): string {
  return `0x${value.toString(16)}`;
}
