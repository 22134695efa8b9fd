import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

const namesByErrno = new Map<number, string>(Object.entries(constants.errno).map(([name, errno]) => [errno, name]));

/** The kernel's name for an error number: `ENOENT` for 2, `E4095` for one that has no name. */
export function errnoName(errno: number): string {
  return namesByErrno.get(errno) ?? `E${errno}`;
}

/** A system call that the kernel refused. `code` is errno's name (`ENOENT`), as in Node's own errors. */
export class SystemCallError extends Error {
  override readonly name = 'SystemCallError';
  /** What was asked: `open`, `KVM_CREATE_VM`, `mmap`. */
  readonly call: string;
  readonly errno: number;
  readonly code: string;
  /** What it was asked of: a path, a device, a size. */
  readonly detail: string | undefined;

  /** `errno` is the first parameter, so that a caller's argument list reads it before anything else can change it. */
  constructor(errno: number, call: string, detail?: string) {
    const code = errnoName(errno);
    const meaning = getSystemErrorMap().get(-errno)?.[1] ?? 'the kernel gave no other reason';
    super(`${call}${detail === undefined ? '' : ` ${detail}`}: ${meaning} (${code})`);
    this.call = call;
    this.errno = errno;
    this.code = code;
    this.detail = detail;
  }
}

/** Node's file-system errors as the same class, so that callers match one kind of error. Anything else is given back as it is. */
export function asSystemCallError(error: unknown, detail: string): unknown {
  if (!(error instanceof Error) || !('errno' in error) || typeof error.errno !== 'number') return error;
  const call = 'syscall' in error && typeof error.syscall === 'string' ? error.syscall : 'system call';
  return new SystemCallError(Math.abs(error.errno), call, detail);
}
