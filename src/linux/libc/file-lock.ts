import { bindInt, lastErrno } from './library.ts';
import { SystemCallError } from './system-call-error.ts';

/** flock(2). Linux include/uapi/asm-generic/fcntl.h. */
const exclusiveNonBlocking = 2 | 4;
const wouldBlock = 11;

const nativeLock = bindInt('flock', ['int', 'int']);

/** Locks an open file for as long as it stays open. False: somebody else has it locked. */
export function lockFile(fd: number): boolean {
  if (nativeLock(fd, exclusiveNonBlocking) === 0) return true;
  const errno = lastErrno();
  if (errno === wouldBlock) return false;
  throw new SystemCallError(errno, 'flock');
}
