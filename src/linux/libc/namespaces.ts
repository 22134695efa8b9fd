import { bindInt, bindLong, lastErrno } from './library.ts';
import { SystemCallError } from './system-call-error.ts';

/** CLONE_NEW* and CLONE_FS. Linux include/uapi/linux/sched.h. */
export const Namespace = {
  mount: 0x0002_0000,
  hostName: 0x0400_0000,
  ipc: 0x0800_0000,
  processId: 0x2000_0000,
  network: 0x4000_0000,
} as const;
export type Namespace = (typeof Namespace)[keyof typeof Namespace];
/** What is unshared with it: the calling thread's root, directory and umask. */
export const fileSystemInformation = 0x200;

/** MS_* and MNT_*. Linux include/uapi/linux/mount.h and include/linux/fs.h. */
export const MountFlag = {
  readOnly: 1,
  noSetUserId: 2,
  noDevices: 4,
  noExec: 8,
  recursive: 0x4000,
  slave: 0x8_0000,
} as const;
const detach = 2;
/** Linux arch/x86/entry/syscalls/syscall_64.tbl; libc has no function for it. */
const pivotRootCall = 155;

const nativeUnshare = bindInt('unshare', ['int']);
const nativeSetNs = bindInt('setns', ['int', 'int']);
const nativeMount = bindInt('mount', ['str', 'str', 'str', 'ulong', 'str']);
const nativeUnmount = bindInt('umount2', ['str', 'int']);
const nativeChdir = bindInt('chdir', ['str']);
const nativeFchdir = bindInt('fchdir', ['int']);
const nativeChroot = bindInt('chroot', ['str']);
const nativePivotRoot = bindLong('syscall', ['ulong', 'str', 'str']);

/** unshare(2): the calling thread alone has what `flags` names for itself from now on; process ids, what it starts. */
export function unshare(flags: number): void {
  if (nativeUnshare(flags) < 0) throw new SystemCallError(lastErrno(), 'unshare', `0x${flags.toString(16)}`);
}

/** setns(2): the calling thread is in the namespace of `fd`, a file of /proc/PID/ns. */
export function enterNamespace(fd: number, kind: Namespace): void {
  if (nativeSetNs(fd, kind) < 0) throw new SystemCallError(lastErrno(), 'setns', `0x${kind.toString(16)}`);
}

/** mount(2). `type` empty: changes what is mounted at `target`. */
export function mount(type: string, target: string, flags: number, options: string): void {
  if (nativeMount(type === '' ? 'none' : type, target, type, flags, options) < 0) {
    throw new SystemCallError(lastErrno(), 'mount', `${type} at ${target}`);
  }
}

/** umount2(2) with MNT_DETACH: it can't be reached any more, and is gone when nobody uses it. */
export function detachMount(target: string): void {
  if (nativeUnmount(target, detach) < 0) throw new SystemCallError(lastErrno(), 'umount2', target);
}

/**
 * pivot_root(2): `newRoot` is the root of all that had the old one for their root or directory, in this mount namespace. Both
 * `.`: the old root lies over the new one then, to be detached.
 */
export function pivotRoot(newRoot: string, oldRoot: string): void {
  if (Number(nativePivotRoot(pivotRootCall, newRoot, oldRoot)) < 0) {
    throw new SystemCallError(lastErrno(), 'pivot_root', newRoot);
  }
}

/** chdir(2), of a path or an open directory. */
export function changeDirectory(to: string | number): void {
  const result = typeof to === 'string' ? nativeChdir(to) : nativeFchdir(to);
  if (result < 0) throw new SystemCallError(lastErrno(), 'chdir', String(to));
}

/** chroot(2). */
export function changeRoot(path: string): void {
  if (nativeChroot(path) < 0) throw new SystemCallError(lastErrno(), 'chroot', path);
}
