import { OpenFlag, openFile } from '../libc/files.ts';
import { SystemCallError } from '../libc/system-call-error.ts';
import { VfioError, type VfioErrorCode } from './vfio-error.ts';

/** Opens a VFIO node for reading and writing; what is the matter if it isn't there is the caller's to say. */
export function openNode(path: string, missing: { readonly code: VfioErrorCode; readonly message: string }): number {
  try {
    return openFile(path, OpenFlag.readWrite);
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    switch (error.code) {
      case 'ENOENT':
      case 'ENODEV':
      case 'ENXIO':
        throw new VfioError(missing.code, missing.message, { cause: error });
      case 'EACCES':
      case 'EPERM':
        throw new VfioError(
          'vfio-no-permission',
          `${path} may not be opened by this user. Run as root, or be handed the open descriptor.`,
          {
            cause: error,
          },
        );
      case 'EBUSY':
        throw new VfioError(
          'vfio-in-use',
          `${path} is in use: another process holds the device. Take it back there first.`,
          {
            cause: error,
          },
        );
      default:
        throw error;
    }
  }
}

/** The error for a process that was handed another node than it can use. `what` continues "this process was handed". */
export function wrongNode(bdf: string, what: string): VfioError {
  return new VfioError(
    'vfio-backend-missing',
    `${bdf} can not be opened: this process was handed ${what}. Hand it the node that goes with its address space.`,
  );
}
