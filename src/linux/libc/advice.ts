import { bindInt, lastErrno } from './library.ts';
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
