/** A small AML encoder: what a DSDT of a few devices needs (ACPI 6.5 chapter 20, "ACPI Machine Language"). */

export type Aml = readonly number[];

/** Op codes (ACPI 6.5 section 20.3). */
const Op = {
  zero: 0x00,
  one: 0x01,
  name: 0x08,
  bytePrefix: 0x0a,
  wordPrefix: 0x0b,
  doubleWordPrefix: 0x0c,
  stringPrefix: 0x0d,
  quadWordPrefix: 0x0e,
  scope: 0x10,
  buffer: 0x11,
  package: 0x12,
  extended: 0x5b,
  device: 0x82,
} as const;

/** Its output is one byte a character for ASCII, and has bytes above 0x7F for nothing else. */
const ascii = new TextEncoder();
const SEGMENT = /^[A-Z_][A-Z0-9_]{0,3}$/;

/** `value` as `sizeBytes` little-endian bytes. */
export function littleEndian(value: number | bigint, sizeBytes: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (let index = 0; index < sizeBytes; index++) {
    bytes.push(Number(rest & 0xffn));
    rest >>= 8n;
  }
  return bytes;
}

/** A single-segment name, padded with underscores to four characters. */
function nameSegment(name: string): number[] {
  if (!SEGMENT.test(name)) throw new RangeError(`'${name}' is no ACPI name segment`);
  return [...ascii.encode(name.padEnd(4, '_'))];
}

/** An integer in its shortest form. */
export function integer(value: number | bigint): Aml {
  const wide = BigInt(value);
  if (wide < 0n || wide > 0xffffffffffffffffn) throw new RangeError(`${value} is no 64-bit AML integer`);
  if (wide === 0n) return [Op.zero];
  if (wide === 1n) return [Op.one];
  if (wide <= 0xffn) return [Op.bytePrefix, ...littleEndian(wide, 1)];
  if (wide <= 0xffffn) return [Op.wordPrefix, ...littleEndian(wide, 2)];
  if (wide <= 0xffffffffn) return [Op.doubleWordPrefix, ...littleEndian(wide, 4)];
  return [Op.quadWordPrefix, ...littleEndian(wide, 8)];
}

/** An ASCII string with its terminator. */
export function string(text: string): Aml {
  const characters = ascii.encode(text);
  if (characters.some((code) => code < 0x01 || code > 0x7f)) throw new RangeError(`'${text}' is not ASCII`);
  return [Op.stringPrefix, ...characters, 0];
}

/** A plug-and-play id such as `PNP0501` in its packed 32-bit form (ACPI 6.5 section 19.3.4, EISAID). */
export function eisaId(id: string): Aml {
  const match = /^([A-Z])([A-Z])([A-Z])([0-9A-F]{4})$/.exec(id);
  if (!match) throw new RangeError(`'${id}' is no EISA id`);
  const letters = match.slice(1, 4).map((letter) => letter.charCodeAt(0) - 0x40);
  const vendor = letters.reduce((packed, letter) => (packed << 5) | letter, 0);
  const product = Number.parseInt(match[4] ?? '', 16);
  return [Op.doubleWordPrefix, vendor >> 8, vendor & 0xff, product >> 8, product & 0xff];
}

/** Length of everything from the length field itself on (ACPI 6.5 section 20.2.4, PkgLength). */
function withLength(content: Aml): number[] {
  if (content.length + 1 < 0x40) return [content.length + 1, ...content];
  for (let extraBytes = 1; extraBytes <= 3; extraBytes++) {
    const length = content.length + 1 + extraBytes;
    if (length < 2 ** (4 + 8 * extraBytes)) {
      return [(extraBytes << 6) | (length & 0x0f), ...littleEndian(length >> 4, extraBytes), ...content];
    }
  }
  throw new RangeError(`AML object of ${content.length} bytes is too long`);
}

/** `Name (name, value)`. */
export const named = (name: string, value: Aml): Aml => [Op.name, ...nameSegment(name), ...value];

/** `Package () { elements }`. */
export function packageOf(elements: readonly Aml[]): Aml {
  if (elements.length > 0xff) throw new RangeError('an AML package has at most 255 elements');
  return [Op.package, ...withLength([elements.length, ...elements.flat()])];
}

/** `Buffer () { bytes }`. */
export const buffer = (bytes: readonly number[]): Aml => [
  Op.buffer,
  ...withLength([...integer(bytes.length), ...bytes]),
];

/** `Scope (name) { content }`. */
export const scope = (name: string, ...content: readonly Aml[]): Aml => [
  Op.scope,
  ...withLength([...nameSegment(name), ...content.flat()]),
];

/** `Device (name) { content }`. */
export const device = (name: string, ...content: readonly Aml[]): Aml => [
  Op.extended,
  Op.device,
  ...withLength([...nameSegment(name), ...content.flat()]),
];
