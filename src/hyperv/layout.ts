import { type Guid, guidFromWire, guidToWire, parseGuid } from './guid.ts';

/** What a field of each type is in TypeScript. All integers are little-endian on the wire. */
interface FieldValues {
  u8: number;
  u16: number;
  u32: number;
  u64: bigint;
  guid: Guid;
  /** UTF-8, with zeros behind it. */
  text: string;
  bytes: Uint8Array;
}

export type FieldType = keyof FieldValues;

export interface Field<T extends FieldType = FieldType> {
  readonly type: T;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly meaning: string;
}

export type Fields = Readonly<Record<string, Field>>;

/** The values of a layout's fields. */
export type Decoded<F extends Fields> = { readonly [K in keyof F]: FieldValues[F[K]['type']] };

export const u8 = (offset: number, meaning: string): Field<'u8'> => ({ type: 'u8', offset, sizeBytes: 1, meaning });
export const u16 = (offset: number, meaning: string): Field<'u16'> => ({ type: 'u16', offset, sizeBytes: 2, meaning });
export const u32 = (offset: number, meaning: string): Field<'u32'> => ({ type: 'u32', offset, sizeBytes: 4, meaning });
export const u64 = (offset: number, meaning: string): Field<'u64'> => ({ type: 'u64', offset, sizeBytes: 8, meaning });
export const guid = (offset: number, meaning: string): Field<'guid'> => ({
  type: 'guid',
  offset,
  sizeBytes: 16,
  meaning,
});
export const text = (offset: number, sizeBytes: number, meaning: string): Field<'text'> => ({
  type: 'text',
  offset,
  sizeBytes,
  meaning,
});
export const bytes = (offset: number, sizeBytes: number, meaning: string): Field<'bytes'> => ({
  type: 'bytes',
  offset,
  sizeBytes,
  meaning,
});

/**
 * A binary layout as a table: which field stands where, and what it means. Decoders, encoders and the field names of
 * traces all come from the same table.
 */
export class Layout<F extends Fields> {
  readonly name: string;
  /** Where the layout is specified. */
  readonly source: string;
  /** The fixed part; what may follow it is not the table's business. */
  readonly sizeBytes: number;
  readonly fields: F;
  /** What {@link fields} has, listed once: guests make hosts read layouts all day. */
  readonly #entries: readonly (readonly [string, Field])[];

  constructor(name: string, source: string, sizeBytes: number, fields: F) {
    this.name = name;
    this.source = source;
    this.sizeBytes = sizeBytes;
    this.fields = fields;
    this.#entries = Object.entries(fields);
  }

  /** Reads every field of `data`, which has at least {@link sizeBytes} bytes (else: RangeError). Byte fields are copies. */
  decode(data: Uint8Array): Decoded<F> {
    if (data.byteLength < this.sizeBytes) {
      throw new RangeError(`${this.name} has ${this.sizeBytes} bytes, not ${data.byteLength}`);
    }
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const values = this.#entries.map(([name, field]) => [name, readField(view, data, field)]);
    // The table is the type: each entry was read by the field of that name.
    return Object.fromEntries(values) as Decoded<F>;
  }

  /** The fixed part with the given fields; absent ones are zero. */
  encode(values: Partial<Decoded<F>>): Uint8Array<ArrayBuffer> {
    const data = new Uint8Array(this.sizeBytes);
    const view = new DataView(data.buffer);
    for (const [name, field] of this.#entries) {
      const value = values[name];
      if (value !== undefined) writeField(view, data, field, value);
    }
    return data;
  }
}

function readField(view: DataView, data: Uint8Array, field: Field): FieldValues[FieldType] {
  const { offset } = field;
  switch (field.type) {
    case 'u8':
      return view.getUint8(offset);
    case 'u16':
      return view.getUint16(offset, true);
    case 'u32':
      return view.getUint32(offset, true);
    case 'u64':
      return view.getBigUint64(offset, true);
    case 'guid':
      return guidFromWire(data.subarray(offset, offset + field.sizeBytes));
    case 'text':
      return readText(data.subarray(offset, offset + field.sizeBytes));
    case 'bytes':
      return data.slice(offset, offset + field.sizeBytes);
  }
}

function readText(data: Uint8Array): string {
  const end = data.indexOf(0);
  return new TextDecoder().decode(end === -1 ? data : data.subarray(0, end));
}

/** As much of it as fits, in whole characters. */
function writeText(data: Uint8Array, value: string): void {
  data.fill(0);
  new TextEncoder().encodeInto(value, data);
}

function writeField(view: DataView, data: Uint8Array, field: Field, value: FieldValues[FieldType]): void {
  const { offset, sizeBytes } = field;
  if (typeof value === 'bigint') view.setBigUint64(offset, value, true);
  else if (field.type === 'text') writeText(data.subarray(offset, offset + sizeBytes), String(value));
  else if (typeof value === 'string') data.set(guidToWire(parseGuid(value)), offset);
  else if (typeof value !== 'number') data.set(value.subarray(0, sizeBytes), offset);
  else if (sizeBytes === 1) view.setUint8(offset, value);
  else if (sizeBytes === 2) view.setUint16(offset, value, true);
  else view.setUint32(offset, value, true);
}
