import { bindInt, lastErrno } from './library.ts';
import { SystemCallError } from './system-call-error.ts';

const nativePoll = bindInt('poll', ['void *', 'ulong', 'int']);
const interrupted = 4;

/** struct pollfd: fd 0:4, events 4:2, revents 6:2. POLLIN = 1. */
const pollFdSizeBytes = 8;
const pollIn = 1;

/**
 * Blocks this thread until one of `fds` can be read, hung up or is in error. Gives those fds; an empty list after
 * `timeoutMs` (−1: never); undefined when a signal came first.
 */
export function waitReadable(fds: readonly number[], timeoutMs: number): number[] | undefined {
  const bytes = new Uint8Array(new ArrayBuffer(Math.max(1, fds.length) * pollFdSizeBytes));
  const view = new DataView(bytes.buffer);
  fds.forEach((fd, i) => {
    view.setInt32(i * pollFdSizeBytes, fd, true);
    view.setInt16(i * pollFdSizeBytes + 4, pollIn, true);
  });
  const result = nativePoll(bytes, fds.length, timeoutMs);
  if (result < 0) {
    const errno = lastErrno();
    if (errno === interrupted) return undefined;
    throw new SystemCallError(errno, 'poll');
  }
  return fds.filter((_, i) => view.getInt16(i * pollFdSizeBytes + 6, true) !== 0);
}
