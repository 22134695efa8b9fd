import { lstatSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** Where kernels are kept unpacked, so that guests start without unpacking them. */
const directory = '/var/cache/dda/unpacked';

/**
 * The directory for {@link readKernel}: made for root, and only if nobody else can have put anything there, because what
 * is found in it is started unread. Undefined: none, each guest then unpacks its kernel itself.
 */
export function unpackedKernels(path: string = directory): string | undefined {
  if (process.getuid?.() !== 0) return undefined;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A read-only or full system, or something else of that name: the guest does without.
    if (code !== undefined && ['EROFS', 'EACCES', 'EPERM', 'ENOSPC', 'ENOTDIR', 'EEXIST'].includes(code))
      return undefined;
    throw error;
  }
  return [path, dirname(path)].every(isRootsAlone) ? path : undefined;
}

function isRootsAlone(path: string): boolean {
  const stat = lstatSync(path);
  const writableByOthers = 0o022;
  return stat.isDirectory() && stat.uid === 0 && (stat.mode & writableByOthers) === 0;
}
