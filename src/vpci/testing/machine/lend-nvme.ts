import { MemoryStorage, PolicedFunction } from '../../../functions/index.ts';
import { fakeConfig, NvmeBackend, plainPages } from '../../../functions/testing/index.ts';
import type { Slot } from '../../slot.ts';
import type { ModelFunction } from './model-machine.ts';

const DISK_BYTES = 2 * 2 ** 20;
const QUEUE_PAIRS = 4;

export interface LentNvmeOptions {
  /** 8 by default. */
  readonly msixVectors?: number;
  /** With this it has MSI in place of MSI-X. */
  readonly msiVectors?: number;
}

export interface LentNvme extends ModelFunction {
  /** From now on it takes commands and does nothing with them, like a controller that hangs. */
  hang(): void;
}

/** The NVMe controller of software, for a {@link ModelMachine}. */
export function lentNvme(slot: Slot = 0, { msixVectors = 8, msiVectors = 0 }: LentNvmeOptions = {}): LentNvme {
  const options = {
    name: 'nvme',
    serialNumber: 'SERIAL',
    qualifiedName: 'nqn.2014-08.org.nvmexpress:uuid:0',
    namespaces: [{ storage: new MemoryStorage(DISK_BYTES), uuid: new Uint8Array(16).fill(1) }],
    queuePairs: QUEUE_PAIRS,
    vectors: msiVectors === 0 ? msixVectors : msiVectors,
  };
  const backend = msiVectors === 0 ? new NvmeBackend(options) : new MsiNvme(options, msiVectors);
  return {
    slot,
    make: () => new PolicedFunction(backend, plainPages),
    hang: () => {
      for (const queue of ['admin', 'io'] as const) {
        backend.faults.order({ queue, times: Number.POSITIVE_INFINITY, fault: { kind: 'stuck' } });
      }
    },
  };
}

/** The same controller in a function that has no MSI-X. */
class MsiNvme extends NvmeBackend {
  readonly #msiVectors: number;

  constructor(options: ConstructorParameters<typeof NvmeBackend>[0], msiVectors: number) {
    super(options);
    this.#msiVectors = msiVectors;
  }

  override captureConfig(): Uint8Array {
    return fakeConfig({
      identity: {
        vendorId: 0x1b36,
        deviceId: 0x0010,
        revisionId: 2,
        programmingInterface: 2,
        subClass: 8,
        baseClass: 1,
        subsystemVendorId: 0x1af4,
        subsystemId: 0x1100,
      },
      barFlags: new Map([[0, 0x4]]),
      msiVectors: this.#msiVectors,
      msixVectors: 0,
      msixTable: { barIndex: 0, offset: 0x2000 },
      msixPendingBits: { barIndex: 0, offset: 0x3000 },
      functionLevelReset: true,
    });
  }
}
