import { bindInt, functionAddress, lastErrno } from './library.ts';
import { SystemCallError } from './system-call-error.ts';

const noSuchProcess = 3;

const nativeGetTid = bindInt('gettid', []);
const nativeTgkill = bindInt('tgkill', ['int', 'int', 'int']);
const nativeKill = bindInt('kill', ['int', 'int']);
const nativeSigaction = bindInt('sigaction', ['int', 'void *', 'void *']);
const nativeFirstRealTimeSignal = bindInt('__libc_current_sigrtmin', []);

/** struct sigaction of glibc on x86-64: handler 0:8, mask 8:128, flags 136:4, restorer 144:8. */
const sigactionSizeBytes = 152;

/** The Linux thread id of the calling thread (each Node worker has its own). */
export function threadId(): number {
  return nativeGetTid();
}

/** Sends `signal` to one thread. False: that thread has ended. */
export function signalThread(processId: number, tid: number, signal: number): boolean {
  if (nativeTgkill(processId, tid, signal) === 0) return true;
  const errno = lastErrno();
  if (errno === noSuchProcess) return false;
  throw new SystemCallError(errno, 'tgkill', `signal ${signal} to thread ${tid} of process ${processId}`);
}

/** Sends `signal` to a process; 0 only asks whether it is there. False: it isn't. */
export function signalProcess(processId: number, signal: number): boolean {
  if (nativeKill(processId, signal) === 0) return true;
  const errno = lastErrno();
  if (errno === noSuchProcess) return false;
  throw new SystemCallError(errno, 'kill', `signal ${signal} to process ${processId}`);
}

/** The number of real-time signal `n` (0 = SIGRTMIN; libc keeps the ones below for itself). */
export function realTimeSignal(n: number): number {
  return nativeFirstRealTimeSignal() + n;
}

/**
 * Makes `signal` interrupt blocking system calls of this process and do nothing else. The handler is libc's `abs`: the
 * signal number goes in, a result that nobody reads comes out, no memory is touched, so it may run on any thread at any
 * point, also where JavaScript can't. Without SA_RESTART, so that every blocking call returns EINTR.
 */
export function interruptOnly(signal: number): void {
  const action = new Uint8Array(new ArrayBuffer(sigactionSizeBytes));
  new DataView(action.buffer).setBigUint64(0, functionAddress('abs'), true);
  if (nativeSigaction(signal, action, null) < 0)
    throw new SystemCallError(lastErrno(), 'sigaction', `signal ${signal}`);
}
