import { bindInt, lastErrno } from './library.ts';
import { SystemCallError } from './system-call-error.ts';

/** flock(2). Linux include/uapi/asm-generic/fcntl.h. */
const operations = { shared: 1 | 4, exclusive: 2 | 4 } as const;
const wouldBlock = 11;

const nativeLock = bindInt('flock', ['int', 'int']);

/**
 * Locks an open file for as long as it stays open; several may have a shared lock at once. False: somebody else has it locked so
 * that this can't be.
 */
export function lockFile(fd: number, kind: keyof typeof operations = 'exclusive'): boolean {
  if (nativeLock(fd, operations[kind]) === 0) return true;
  const errno = lastErrno();
  if (errno === wouldBlock) return false;
  throw new SystemCallError(errno, 'flock');
}
