import { addressOf, bindLong, heldUntilHere, lastErrno } from './library.ts';

/** RWF_NOWAIT of preadv2(2) and pwritev2(2). Linux include/uapi/linux/fs.h. */
const noWait = 0x8;
/** EOPNOTSUPP: this file system can't say beforehand whether it would wait. */
const notSupported = 95;
/** struct iovec on x86-64: where, how much; in dwords. */
const vectorDwords = 4;
/** Linux include/uapi/linux/uio.h, UIO_MAXIOV. */
const maxVectors = 1024;

/** Addresses as numbers: of all that it could be told, they are what the call's glue passes on soonest. */
const nativeRead = bindLong('preadv2', ['int', 'int64', 'int', 'int64', 'int']);
const nativeWrite = bindLong('pwritev2', ['int', 'int64', 'int', 'int64', 'int']);

/** A part of `bytes`: named so because a view of each part takes longer to make than small ones take to fill. */
export interface BytePlace {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly sizeBytes: number;
}

/**
 * `partly`: not all of it, for whatever reason, which the same at leisure tells; where it would have had to wait, for one.
 * `never`: this file can't be asked so.
 */
export type AtOnce = 'done' | 'partly' | 'never';

/** Fills `targets`, one after the other, with what a file has from `offset` on. `wait` false: only if that takes no waiting. */
export function readInto(fd: number, targets: readonly BytePlace[], offset: number, wait: boolean): AtOnce {
  const wanted = listPlaces(targets);
  if (wanted === undefined) return 'partly';
  return outcome(nativeRead(fd, vectorsAddress, targets.length, offset, wait ? 0 : noWait), wanted, targets);
}

/** Writes `sources`, one after the other, to a file from `offset` on. `wait` false: only if that takes no waiting. */
export function writeFrom(fd: number, sources: readonly BytePlace[], offset: number, wait: boolean): AtOnce {
  const wanted = listPlaces(sources);
  if (wanted === undefined) return 'partly';
  return outcome(nativeWrite(fd, vectorsAddress, sources.length, offset, wait ? 0 : noWait), wanted, sources);
}

function outcome(count: number | bigint, wanted: number, places: readonly BytePlace[]): AtOnce {
  const errno = count < 0 ? lastErrno() : 0;
  for (let index = 0; index < places.length; index += 1) {
    const place = places[index];
    if (place !== undefined && place.bytes !== lastShared) heldUntilHere(place.bytes);
  }
  if (errno === notSupported) return 'never';
  return Number(count) === wanted ? 'done' : 'partly';
}

/** Of the call that is being made: it is over before there is another. Shared, so that it never moves. */
const vectors = new Uint32Array(new SharedArrayBuffer(maxVectors * vectorDwords * Uint32Array.BYTES_PER_ELEMENT));
const vectorsAddress = Number(addressOf(new Uint8Array(vectors.buffer)));

/** Gives how many bytes they are; undefined: there are too many of them for one call. */
function listPlaces(places: readonly BytePlace[]): number | undefined {
  if (places.length > maxVectors) return undefined;
  let wanted = 0;
  for (let index = 0; index < places.length; index += 1) {
    const place = places[index];
    if (place === undefined) continue;
    const address = addressIn(place.bytes) + place.start;
    const at = index * vectorDwords;
    // What is stored is the number modulo 2³²; asking for it would be a division of floating point.
    vectors[at] = address;
    vectors[at + 1] = address / 2 ** 32;
    vectors[at + 2] = place.sizeBytes;
    wanted += place.sizeBytes;
  }
  return wanted;
}

/** Where shared memory begins: it never moves, and asking takes longer than all the rest. */
const beginnings = new WeakMap<Uint8Array, number>();
let lastShared: Uint8Array | undefined;
let lastBeginning = 0;

/** User space ends at 2⁴⁷ or 2⁵⁶; nothing is mapped beyond 2⁴⁷ that doesn't ask for it, so a number is exact. */
function addressIn(bytes: Uint8Array): number {
  if (bytes === lastShared) return lastBeginning;
  if (!(bytes.buffer instanceof SharedArrayBuffer)) return Number(addressOf(bytes));
  const beginning = beginnings.get(bytes) ?? Number(addressOf(bytes));
  beginnings.set(bytes, beginning);
  lastShared = bytes;
  lastBeginning = beginning;
  return beginning;
}
