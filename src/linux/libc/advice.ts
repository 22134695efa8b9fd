import { bindInt, bindIntAsync, lastErrno } from './library.ts';
import { SystemCallError } from './system-call-error.ts';

/** Advice of madvise(2). Linux include/uapi/asm-generic/mman-common.h. */
export const Advice = { dontFork: 10, hugePage: 14 } as const;
export type Advice = (typeof Advice)[keyof typeof Advice];

const invalidArgument = 22;
const nativeMadvise = bindInt('madvise', ['uintptr_t', 'size_t', 'int']);

/** madvise(2). False: this kernel was built without what the advice is about. */
export function adviseMemory(address: bigint, sizeBytes: number, advice: Advice): boolean {
  if (nativeMadvise(address, sizeBytes, advice) === 0) return true;
  const errno = lastErrno();
  if (errno === invalidArgument) return false;
  throw new SystemCallError(errno, 'madvise', `advice ${advice} for ${sizeBytes} bytes`);
}

/** MADV_POPULATE_WRITE, from Linux 5.14 on. */
const populateWrite = 23;
const nativePopulate = bindIntAsync('madvise', ['uintptr_t', 'size_t', 'int']);

/**
 * Has the kernel put pages behind whole pages of private memory, without a fault for each when they are touched. On a thread of
 * Node's pool. False: it did not, because it is too old, there is no memory, or the range isn't mapped any more.
 */
export async function populateMemory(address: bigint, sizeBytes: number): Promise<boolean> {
  return (await nativePopulate(address, sizeBytes, populateWrite)) === 0;
}
