/**
 * A GUID as text: 36 lower-case characters, `44c4f61d-4444-4400-9d52-802e27ede19f`, the form of
 * `/sys/bus/vmbus/devices`. Branded, so that two spellings of one GUID can't be compared by accident.
 */
export type Guid = string & { readonly __guid: true };

/** The four fields a GUID is made of; `data4` has 8 bytes. */
export interface GuidFields {
  readonly data1: number;
  readonly data2: number;
  readonly data3: number;
  readonly data4: Uint8Array;
}

const GUID_SIZE_BYTES = 16;
const GUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export const ZERO_GUID = parseGuid('00000000-0000-0000-0000-000000000000');

/** Reads a GUID from text, with or without braces, in any case. Throws a RangeError for anything else. */
export function parseGuid(text: string): Guid {
  const bare = text.startsWith('{') && text.endsWith('}') ? text.slice(1, -1) : text;
  const guid = bare.toLowerCase();
  if (!isGuid(guid)) throw new RangeError(`not a GUID: ${JSON.stringify(text)}`);
  return guid;
}

/** Reads the 16 bytes of a message: Data1, Data2 and Data3 are little-endian, Data4 is in order (RFC 9562, appendix A). */
export function guidFromWire(bytes: Uint8Array): Guid {
  if (bytes.byteLength !== GUID_SIZE_BYTES) throw new RangeError(`a GUID has 16 bytes, not ${bytes.byteLength}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, GUID_SIZE_BYTES);
  return guidFromFields({
    data1: view.getUint32(0, true),
    data2: view.getUint16(4, true),
    data3: view.getUint16(6, true),
    data4: bytes.slice(8),
  });
}

export function guidToWire(guid: Guid): Uint8Array<ArrayBuffer> {
  const { data1, data2, data3, data4 } = guidFields(guid);
  const bytes = new Uint8Array(GUID_SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data1, true);
  view.setUint16(4, data2, true);
  view.setUint16(6, data3, true);
  bytes.set(data4, 8);
  return bytes;
}

export function guidFromFields({ data1, data2, data3, data4 }: GuidFields): Guid {
  if (data4.byteLength !== 8) throw new RangeError(`Data4 of a GUID has 8 bytes, not ${data4.byteLength}`);
  const tail = Array.from(data4, (byte) => hex(byte, 2)).join('');
  return parseGuid(`${hex(data1, 8)}-${hex(data2, 4)}-${hex(data3, 4)}-${tail.slice(0, 4)}-${tail.slice(4)}`);
}

export function guidFields(guid: Guid): GuidFields {
  const digits = guid.replaceAll('-', '');
  const number = (from: number, to: number): number => Number.parseInt(digits.slice(from, to), 16);
  return {
    data1: number(0, 8),
    data2: number(8, 12),
    data3: number(12, 16),
    data4: Uint8Array.from({ length: 8 }, (_, index) => number(16 + 2 * index, 18 + 2 * index)),
  };
}

function isGuid(text: string): text is Guid {
  return GUID_TEXT.test(text);
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
