import { bindInt, lastErrno } from './library.ts';
import { SystemCallError } from './system-call-error.ts';

const nativePrlimit = bindInt('prlimit', ['int', 'int', 'void *', 'void *']);
const nativeProcessControl = bindInt('prctl', ['int', 'ulong', 'ulong', 'ulong', 'ulong']);
/** PR_SET_NO_NEW_PRIVS. Linux include/uapi/linux/prctl.h. */
const setNoNewPrivileges = 38;
const nativeGetUid = bindInt('getuid', []);

/** Resources of prlimit(2). Linux include/uapi/asm-generic/resource.h. */
export const Resource = { fileSize: 1, data: 2, coreFile: 4, processes: 6, openFiles: 7, lockedMemory: 8 } as const;
export type Resource = (typeof Resource)[keyof typeof Resource];

/** Soft and hard limit; `Infinity` for none. */
export interface Limit {
  readonly soft: number;
  readonly hard: number;
}

const unlimited = 0xffff_ffff_ffff_ffffn;

/** Limits of `processId`; 0 = this process. */
export function readLimit(resource: Resource, processId = 0): Limit {
  const bytes = new Uint8Array(new ArrayBuffer(16));
  if (nativePrlimit(processId, resource, null, bytes) < 0) {
    throw new SystemCallError(lastErrno(), 'prlimit', `of process ${processId}`);
  }
  const view = new DataView(bytes.buffer);
  const at = (offset: number): number => {
    const value = view.getBigUint64(offset, true);
    return value === unlimited ? Infinity : Number(value);
  };
  return { soft: at(0), hard: at(8) };
}

/** Raising the hard limit needs CAP_SYS_RESOURCE (EPERM). */
export function writeLimit(resource: Resource, limit: Limit, processId = 0): void {
  const bytes = new Uint8Array(new ArrayBuffer(16));
  const view = new DataView(bytes.buffer);
  const encode = (value: number): bigint => (value === Infinity ? unlimited : BigInt(value));
  view.setBigUint64(0, encode(limit.soft), true);
  view.setBigUint64(8, encode(limit.hard), true);
  if (nativePrlimit(processId, resource, bytes, null) < 0) {
    throw new SystemCallError(lastErrno(), 'prlimit', `to ${limit.soft} for process ${processId}`);
  }
}

/** The real user id of this process. */
export function userId(): number {
  return nativeGetUid();
}

/**
 * From now on nothing that this thread starts, nor what that starts, gets privileges that it has not already, by set-user-id
 * programs or file capabilities. It can't be taken back.
 */
export function forbidNewPrivileges(): void {
  if (nativeProcessControl(setNoNewPrivileges, 1, 0, 0, 0) < 0) {
    throw new SystemCallError(lastErrno(), 'prctl PR_SET_NO_NEW_PRIVS');
  }
}
