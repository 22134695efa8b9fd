import { addressOf, bindLong, heldUntilHere, lastErrno } from './library.ts';

/** RWF_NOWAIT of preadv2(2) and pwritev2(2). Linux include/uapi/linux/fs.h. */
const noWait = 0x8;
/** EOPNOTSUPP: this file system can't say beforehand whether it would wait. */
const notSupported = 95;
/** struct iovec on x86-64: where, how much. */
const vectorBytes = 16;
/** Linux include/uapi/linux/uio.h, UIO_MAXIOV. */
const maxVectors = 1024;

const nativeRead = bindLong('preadv2', ['int', 'void *', 'int', 'int64', 'int']);
const nativeWrite = bindLong('pwritev2', ['int', 'void *', 'int', 'int64', 'int']);

/**
 * `partly`: not all of it, for whatever reason, which the same at leisure tells; where it would have had to wait, for one.
 * `never`: this file can't be asked so.
 */
export type AtOnce = 'done' | 'partly' | 'never';

/** Fills `targets`, one after the other, with what a file has from `offset` on. `wait` false: only if that takes no waiting. */
export function readInto(fd: number, targets: readonly Uint8Array[], offset: number, wait: boolean): AtOnce {
  return move(nativeRead, fd, targets, offset, wait);
}

/** Writes `sources`, one after the other, to a file from `offset` on. `wait` false: only if that takes no waiting. */
export function writeFrom(fd: number, sources: readonly Uint8Array[], offset: number, wait: boolean): AtOnce {
  return move(nativeWrite, fd, sources, offset, wait);
}

function move(
  native: typeof nativeRead,
  fd: number,
  parts: readonly Uint8Array[],
  offset: number,
  wait: boolean,
): AtOnce {
  if (parts.length > maxVectors) return 'partly';
  let wanted = 0;
  let at = 0;
  for (const part of parts) {
    const address = addressIn(part);
    view.setUint32(at, address % 2 ** 32, true);
    view.setUint32(at + 4, Math.floor(address / 2 ** 32), true);
    view.setUint32(at + 8, part.byteLength, true);
    at += vectorBytes;
    wanted += part.byteLength;
  }
  const count = Number(native(fd, vectors, parts.length, offset, wait ? 0 : noWait));
  const errno = count < 0 ? lastErrno() : 0;
  heldUntilHere(...parts);
  if (errno === notSupported) return 'never';
  return count === wanted ? 'done' : 'partly';
}

/** Of the call that is being made: it is over before there is another. */
const vectors = new Uint8Array(maxVectors * vectorBytes);
const view = new DataView(vectors.buffer);

/** Where shared buffers begin: they never move, and asking for each part of one takes longer than all the rest. */
const beginnings = new WeakMap<SharedArrayBuffer, number>();

/** User space ends at 2⁴⁷ or 2⁵⁶; nothing is mapped beyond 2⁴⁷ that doesn't ask for it, so a number is exact. */
function addressIn(part: Uint8Array): number {
  const { buffer } = part;
  if (!(buffer instanceof SharedArrayBuffer)) return Number(addressOf(part));
  let beginning = beginnings.get(buffer);
  if (beginning === undefined) {
    beginning = Number(addressOf(part)) - part.byteOffset;
    beginnings.set(buffer, beginning);
  }
  return beginning + part.byteOffset;
}
