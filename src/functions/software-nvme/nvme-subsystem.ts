import type { AllocatePages } from '../function-backend.ts';
import { softwareNvmeIds } from './config-space.ts';
import type { SoftwareNvmeOptions } from './nvme-backend.ts';
import { barBytes } from './registers.ts';
import { primaryControllerId, SecondaryControllers, type SharedResources } from './secondary-controllers.ts';
import { SoftwareNvme } from './software-nvme.ts';
import { SriovCapability } from './sriov-capability.ts';
import { StorageShare } from './storage-share.ts';

export interface NvmeSubsystemOptions extends Omit<SoftwareNvmeOptions, 'role' | 'sriov' | 'vectors'> {
  readonly shared: SharedResources;
}

/**
 * One disk with a physical function and virtual ones, as SR-IOV has it: each is a function of its own, with a controller of its own, and all
 * of them have the same namespaces. Who owns it turns virtual functions on ({@link sriov}), gives their controllers queues and
 * interrupts, and brings them online ({@link manage}).
 */
export class NvmeSubsystem {
  /** The physical function. Whoever is lent it may do to the others what its owner may: a reset ends them all. */
  readonly primary: SoftwareNvme;
  readonly sriov: SriovCapability;
  readonly secondaries: SecondaryControllers;
  readonly #options: NvmeSubsystemOptions;
  readonly #allocate: AllocatePages;
  /** By virtual function: those that somebody has. */
  readonly #virtual = new Map<number, SoftwareNvme>();

  constructor(options: NvmeSubsystemOptions, allocate: AllocatePages) {
    this.#options = options;
    this.#allocate = allocate;
    const { shared, queuePairs } = options;
    this.secondaries = new SecondaryControllers(
      shared,
      { queues: queuePairs + 1, interrupts: queuePairs + 1 },
      ({ controllerId, online }) => this.#virtual.get(controllerId)?.setOnline(online),
    );
    const shape = { totalVfs: shared.virtualFunctions, vfBarBytes: barBytes };
    this.sriov = new SriovCapability({ ...shape, vfDeviceId: softwareNvmeIds.virtualFunctionDeviceId }, (count) =>
      this.secondaries.enable(count),
    );
    const role = { controllerId: primaryControllerId, isVirtual: false, isShared: true, secondaries: this.secondaries };
    this.primary = new SoftwareNvme({ ...options, namespaces: this.#namespaces(), role, sriov: this.sriov }, allocate);
  }

  /** Virtualization Management, as its owner sends it: dwords 10 and 11 of the command. */
  manage(cdw10: number, cdw11: number): ReturnType<SecondaryControllers['manage']> {
    return this.secondaries.manage(cdw10, cdw11);
  }

  /**
   * The function of that number, from 1 on, with what its controller was given: a new one each time, for a borrower of its own. Throws
   * RangeError while it isn't enabled and online.
   */
  virtualFunction(number: number, allocate: AllocatePages = this.#allocate): SoftwareNvme {
    const secondary = this.secondaries.get(number);
    if (secondary === undefined || !secondary.online) {
      throw new RangeError(`${this.#options.name} has no virtual function ${number} that is online`);
    }
    const { controllerId, queues, interrupts } = secondary;
    const role = { controllerId, isVirtual: true, isShared: true, secondaries: undefined };
    const made = new SoftwareNvme(
      {
        ...this.#options,
        name: `${this.#options.name}.${number}`,
        namespaces: this.#namespaces(),
        queuePairs: queues - 1,
        vectors: interrupts,
        role,
      },
      allocate,
    );
    this.#virtual.set(number, made);
    return made;
  }

  /** Each controller waits for its own work only. */
  #namespaces(): NvmeSubsystemOptions['namespaces'] {
    return this.#options.namespaces.map(({ storage, uuid }) => ({ storage: new StorageShare(storage), uuid }));
  }
}
