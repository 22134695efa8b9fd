import { closeSync, constants, lstatSync, openSync, readdirSync, readFileSync, readlinkSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { asSystemCallError } from './libc/system-call-error.ts';

/** An attribute's text without its final newline. Throws {@link SystemCallError}. */
export function readAttribute(path: string): string {
  return describing(path, () => readFileSync(path, 'latin1').trimEnd());
}

/** An attribute's bytes, such as `config` or `vpd`. Throws {@link SystemCallError}. */
export function readBinaryAttribute(path: string): Uint8Array {
  return describing(path, () => new Uint8Array(readFileSync(path)));
}

/**
 * Writes an attribute in one write, as sysfs needs it. Throws {@link SystemCallError}: ENOENT where the kernel doesn't
 * have it.
 *
 * The kernel does the asked-for work inside the write and it may block there for ever, killing the writer changing
 * nothing: `unbind`, `remove`, `rescan`, `sriov_numvfs` wait for a driver, and a driver may wait for a user. Write those from a
 * process that can be given up.
 */
export function writeAttribute(path: string, value: string): void {
  describing(path, () => {
    // Without O_CREAT: sysfs answers that with EACCES, which would hide that the attribute isn't there.
    const fd = openSync(path, constants.O_WRONLY | constants.O_TRUNC);
    try {
      writeSync(fd, value);
    } finally {
      closeSync(fd);
    }
  });
}

/** Where a symbolic link points, as it stands there: `../../../bus/pci/drivers/nvme`. Throws {@link SystemCallError}. */
export function readLink(path: string): string {
  return describing(path, () => readlinkSync(path));
}

/** The last part of where a link points: the driver's name of `driver`, the number of `iommu_group`. Undefined: no link. */
export function linkName(path: string): string | undefined {
  try {
    return basename(readlinkSync(path));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw asSystemCallError(error, path);
  }
}

/** Whether something is there, a link counting for itself. Asking first is ten times cheaper than a read that fails. Throws {@link SystemCallError}. */
export function isPresent(path: string): boolean {
  return describing(path, () => lstatSync(path, { throwIfNoEntry: false }) !== undefined);
}

/** Names in a directory, sorted. Throws {@link SystemCallError}. */
export function list(path: string): string[] {
  return describing(path, () => readdirSync(path).sort());
}

function describing<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw asSystemCallError(error, path);
  }
}
