import type { AllocatePages } from '../function-backend.ts';
import type { PciFunction } from '../function.ts';
import type { SoftwareNvmeOptions } from './nvme-backend.ts';
import { NvmeSubsystem } from './nvme-subsystem.ts';
import { VirtualizationAction } from './secondary-controllers.ts';
import { SriovField, vfEnable, vfMemorySpaceEnable } from './sriov-capability.ts';
import { NvmeStatus } from './status.ts';

const queues = 0;
const interrupts = 1;

/**
 * A disk that is lent as virtual functions. The physical function is never lent: this is its owner, which turns the others on and gives each what
 * its borrower needs.
 */
export class VirtualFunctionDisk {
  readonly #subsystem: NvmeSubsystem;

  constructor(options: SoftwareNvmeOptions, virtualFunctions: number, allocate: AllocatePages) {
    const most = options.queuePairs + 1;
    const shared = {
      virtualFunctions,
      flexible: { queues: virtualFunctions * most, interrupts: virtualFunctions * most },
      mostPerSecondary: { queues: most, interrupts: most },
    };
    this.#subsystem = new NvmeSubsystem({ ...options, shared }, allocate);
    const { sriov } = this.#subsystem;
    sriov.write(SriovField.numVfs, 2, virtualFunctions);
    sriov.write(SriovField.control, 2, vfEnable | vfMemorySpaceEnable);
  }

  /** Virtual function `number`, with so many I/O queues. */
  createFunction(number: number, queuePairs: number): PciFunction {
    this.#manage(number, VirtualizationAction.secondaryOffline, 0, 0);
    this.#manage(number, VirtualizationAction.secondaryAssign, queues, queuePairs + 1);
    this.#manage(number, VirtualizationAction.secondaryAssign, interrupts, queuePairs + 1);
    this.#manage(number, VirtualizationAction.secondaryOnline, 0, 0);
    return this.#subsystem.virtualFunction(number);
  }

  close(): void {
    this.#subsystem.primary.close();
  }

  #manage(controllerId: number, action: number, resource: number, count: number): void {
    const cdw10 = ((controllerId << 16) | (resource << 8) | action) >>> 0;
    const { status } = this.#subsystem.manage(cdw10, count);
    if (status !== NvmeStatus.success) throw new Error(`virtualization management 0x${cdw10.toString(16)}: ${status}`);
  }
}
