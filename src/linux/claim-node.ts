import { closeSync, constants, openSync } from 'node:fs';
import { asSystemCallError, SystemCallError } from './libc/system-call-error.ts';

/** Whether somebody else has a device node that only one may have. `free`: now the caller has it, until `release`. */
export type ClaimResult =
  | { readonly state: 'free'; readonly release: () => void }
  | { readonly state: 'held' }
  | { readonly state: 'absent' };

/**
 * Takes a node that the kernel opens for one at a time, such as `/dev/vfio/12`: `held` says that a process has it, or any
 * device of its group, open. Throws {@link SystemCallError}.
 */
export function claimNode(path: string): ClaimResult {
  return claim(path, constants.O_RDWR);
}

/**
 * Takes a block device for itself alone, without writing to it. `held`: it is mounted, in whatever mount namespace, or
 * belongs to a volume, a RAID or swap. Throws {@link SystemCallError}.
 */
export function claimBlockDevice(path: string): ClaimResult {
  // For block devices O_EXCL without O_CREAT means "unless somebody claimed it" (open(2)).
  return claim(path, constants.O_RDONLY | constants.O_EXCL | constants.O_NONBLOCK);
}

function claim(path: string, flags: number): ClaimResult {
  let fd: number;
  try {
    fd = openSync(path, flags);
  } catch (cause) {
    const error = asSystemCallError(cause, path);
    if (!(error instanceof SystemCallError)) throw error;
    if (error.code === 'EBUSY') return { state: 'held' };
    if (error.code === 'ENOENT' || error.code === 'ENODEV' || error.code === 'ENXIO') return { state: 'absent' };
    throw error;
  }
  return { state: 'free', release: () => closeSync(fd) };
}
