import type { AllocatePages } from '../function-backend.ts';
import { PolicedFunction } from '../policed-function.ts';
import type { FaultPlan } from './faults.ts';
import { NvmeBackend, type SoftwareNvmeOptions } from './nvme-backend.ts';

/** An NVMe controller that is software: it is lent, ejected and revoked by the same code as a function of this machine. */
export class SoftwareNvme extends PolicedFunction {
  /** What shall go wrong, for tests. */
  readonly faults: FaultPlan;
  readonly #nvme: NvmeBackend;

  /** `allocate`: of memory that the borrower can show to a guest. */
  constructor(options: SoftwareNvmeOptions, allocate: AllocatePages) {
    const backend = new NvmeBackend(options);
    super(backend, allocate);
    this.faults = backend.faults;
    this.#nvme = backend;
  }

  /** Of a secondary controller: whether its primary lets it work. */
  setOnline(online: boolean): void {
    this.#nvme.setOnline(online);
  }
}
