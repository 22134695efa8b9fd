import type { Field, Fields, Layout } from '../../vmbus/index.ts';

/** What reading needs of a layout, whatever its fields. */
type ReadableLayout = Pick<Layout<Fields>, 'name' | 'source' | 'sizeBytes' | 'fields' | 'decode'>;

/**
 * A layout whose byte fields are known to hold structures: one, or as many as fit, side by side. It is what the
 * decoders, the trace and the protocol page all read.
 */
export interface Shape<L extends ReadableLayout = ReadableLayout> {
  readonly layout: L;
  /** By name of a byte field. */
  readonly parts?: Readonly<Record<string, Part>>;
}

/** A structure that stands in a cell of `cellBytes` bytes, which may be longer than the structure. */
export interface Part {
  readonly shape: Shape;
  readonly cellBytes: number;
}

/** One message in one direction, or one kind of completion. */
export interface MessageShape<L extends ReadableLayout = ReadableLayout> extends Shape<L> {
  /** What follows the fixed part: as many cells as the field `countField` says, at most `most`. */
  readonly tail?: Part & { readonly countField: string; readonly most: number };
}

/** The first `count` cells of `bytes`, each without copying. There must be enough bytes (else: RangeError). */
export function cells(bytes: Uint8Array, cellBytes: number, count: number): Uint8Array[] {
  if (bytes.byteLength < cellBytes * count) {
    throw new RangeError(`${count} cells of ${cellBytes} bytes don't fit in ${bytes.byteLength} bytes`);
  }
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * cellBytes, (i + 1) * cellBytes));
}

/** Structures behind each other, each in a cell of its own with zeros to its end. */
export function joinCells(structures: readonly Uint8Array[], cellBytes: number): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(structures.length * cellBytes);
  structures.forEach((structure, i) => joined.set(structure.subarray(0, cellBytes), i * cellBytes));
  return joined;
}

/** A message: its fixed part, then its tail. */
export function withTail(fixed: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(fixed.byteLength + tail.byteLength);
  message.set(fixed);
  message.set(tail, fixed.byteLength);
  return message;
}

/** The fields of a shape in the order in which they stand. */
export function fieldsOf(anyShape: Shape): readonly (readonly [string, Field])[] {
  return Object.entries(anyShape.layout.fields).sort(([, a], [, b]) => a.offset - b.offset);
}
