import { addressOf, bindLong, heldUntilHere, lastErrno } from '../libc/library.ts';
import { SystemCallError } from '../libc/system-call-error.ts';
import { type BpfInstruction, encodeInstructions } from './bpf.ts';
import { SystemCall } from './system-call-numbers.ts';

/** seccomp(2). Linux include/uapi/linux/seccomp.h: SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC and _LOG. */
const setModeFilter = 1;
const flag = { everyThread: 1, log: 2 } as const;
/** struct sock_fprog on x86-64: how many instructions 0:2, where 8:8. */
const programSizeBytes = 16;

const nativeSystemCall = bindLong('syscall', ['ulong', 'ulong', 'ulong', 'void *']);

export interface FilterScope {
  /** `process`: all threads that are there; `thread`: this one. What they start inherits it in both cases. */
  readonly scope: 'process' | 'thread';
  /** Whether the kernel's audit notes what is refused (type 1326). */
  readonly audit: boolean;
}

/**
 * From now on `program` decides about each system call, together with the filters that are there already: the strictest answer holds.
 * It can't be taken back. Needs no privileges once {@link forbidNewPrivileges} was called. Throws SystemCallError: EINVAL or ENOSYS,
 * a kernel without seccomp filters; ESRCH, a thread has filters that this one hasn't.
 */
export function installFilter(program: readonly BpfInstruction[], { scope, audit }: FilterScope): void {
  const code = encodeInstructions(program);
  const header = new Uint8Array(new ArrayBuffer(programSizeBytes));
  const view = new DataView(header.buffer);
  view.setUint16(0, program.length, true);
  view.setBigUint64(8, addressOf(code), true);
  const flags = (scope === 'process' ? flag.everyThread : 0) | (audit ? flag.log : 0);
  const result = Number(nativeSystemCall(SystemCall.seccomp, setModeFilter, flags, header));
  const errno = result < 0 ? lastErrno() : 0;
  heldUntilHere(code);
  if (result === 0) return;
  // With several threads the kernel gives the id of one that it could not bring along.
  const noSuchProcess = 3;
  throw new SystemCallError(result < 0 ? errno : noSuchProcess, 'seccomp', `${program.length} instructions`);
}
