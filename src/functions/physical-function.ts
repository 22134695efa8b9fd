import type { VfioDevice } from '../linux/index.ts';
import { PolicedFunction } from './policed-function.ts';
import { sharedPages } from './shared-pages.ts';
import { VfioBackend } from './vfio-backend.ts';

/** What a borrower or an operator should know before the function is lent out. */
export interface FunctionWarning {
  readonly code: 'function-no-reset';
  readonly message: string;
}

/** A function of this machine that has been dismounted and opened through VFIO. */
export class PhysicalFunction extends PolicedFunction {
  readonly warnings: readonly FunctionWarning[];

  /**
   * Takes over `device`, which may have been opened here or by another process. `numaNode`: of the function on the host.
   * Throws {@link FunctionUnusableError}, and `SystemCallError` when the kernel refuses; `device` is closed then.
   */
  constructor(device: VfioDevice, numaNode?: number) {
    super(backendOf(device, numaNode), sharedPages);
    this.warnings = device.info.resettable
      ? []
      : [
          {
            code: 'function-no-reset',
            message:
              `${device.bdf} can't be reset by itself, so what one guest leaves in it the next could find. ` +
              'Lend it to guests that may know of each other, or power-cycle it in between.',
          },
        ];
  }
}

function backendOf(device: VfioDevice, numaNode: number | undefined): VfioBackend {
  try {
    return new VfioBackend(device, numaNode);
  } catch (error) {
    device.close();
    throw error;
  }
}
