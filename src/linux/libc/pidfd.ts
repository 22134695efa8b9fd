import { bindLong, lastErrno } from './library.ts';
import { SystemCallError } from './system-call-error.ts';

/** Linux include/uapi/asm-generic/unistd.h; the same on every architecture. */
const systemCall = { signal: 424, open: 434 } as const;
const noSuchProcess = 3;

const nativeOpen = bindLong('syscall', ['ulong', 'int', 'uint']);
const nativeSignal = bindLong('syscall', ['ulong', 'int', 'int', 'void *', 'uint']);

/** pidfd_open(2), close-on-exec; undefined where there is no such process. */
export function openPidFd(processId: number): number | undefined {
  const fd = Number(nativeOpen(systemCall.open, processId, 0));
  if (fd >= 0) return fd;
  const errno = lastErrno();
  if (errno === noSuchProcess) return undefined;
  throw new SystemCallError(errno, 'pidfd_open', `of process ${processId}`);
}

/** pidfd_send_signal(2). False: the process has ended. */
export function signalPidFd(fd: number, signal: number): boolean {
  if (Number(nativeSignal(systemCall.signal, fd, signal, null, 0)) === 0) return true;
  const errno = lastErrno();
  if (errno === noSuchProcess) return false;
  throw new SystemCallError(errno, 'pidfd_send_signal', `signal ${signal}`);
}
