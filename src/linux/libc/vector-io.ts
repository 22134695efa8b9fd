import { addressOf, bindLong, heldUntilHere } from './library.ts';

/** RWF_NOWAIT of preadv2(2). Linux include/uapi/linux/fs.h. */
const noWait = 0x8;
/** struct iovec on x86-64: where, how much. */
const vectorBytes = 16;
/** IOV_MAX, Linux include/uapi/linux/uio.h (UIO_MAXIOV). */
const maxVectors = 1024;

const nativeRead = bindLong('preadv2', ['int', 'void *', 'int', 'int64', 'int']);

/**
 * Fills all of `targets`, one after the other, with what a file has from `offset` on. `wait` false: only if the kernel has it in memory.
 * False: not all of it came, for whatever reason; some of it may have.
 */
export function readInto(fd: number, targets: readonly Uint8Array[], offset: number, wait: boolean): boolean {
  if (targets.length > maxVectors) return false;
  const vectors = new Uint8Array(targets.length * vectorBytes);
  const view = new DataView(vectors.buffer);
  let wanted = 0;
  for (const [index, target] of targets.entries()) {
    view.setBigUint64(index * vectorBytes, addressOf(target), true);
    view.setBigUint64(index * vectorBytes + 8, BigInt(target.byteLength), true);
    wanted += target.byteLength;
  }
  const count = Number(nativeRead(fd, vectors, targets.length, offset, wait ? 0 : noWait));
  heldUntilHere(...targets);
  return count === wanted;
}
