import type { AllocatePages } from '../function-backend.ts';
import type { PciFunction } from '../function.ts';
import { sharedPages } from '../shared-pages.ts';
import { FileStorage, type OpenFile } from './file-storage.ts';
import { SoftwareNvme } from './software-nvme.ts';

/** I/O queues of each kind: one for each of the guest's CPUs. */
const maxQueuePairs = 16;

export interface DiskIdentity {
  /** By which it is lent and ejected: `disk0`. */
  readonly name: string;
  /** 16 bytes: what a guest knows it by. */
  readonly uuid: Uint8Array;
}

/** A file that is a guest's disk: it stays open until {@link close}, however often it is lent. */
export class SoftwareDisk {
  readonly name: string;
  readonly #uuid: Uint8Array;
  readonly #storage: FileStorage;

  /** Takes the file over. */
  constructor({ name, uuid }: DiskIdentity, file: OpenFile) {
    this.name = name;
    this.#uuid = uuid;
    this.#storage = new FileStorage(file);
  }

  /**
   * A controller of its own each time, for a guest with so many CPUs. What an earlier one left under way ends before it starts.
   * `allocate`: of memory that can be shown to the guest.
   */
  createFunction(vcpus: number, allocate: AllocatePages = sharedPages): PciFunction {
    const hex = Buffer.from(this.#uuid).toString('hex');
    const dashed = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
    return new SoftwareNvme(
      {
        name: this.name,
        serialNumber: hex.slice(0, 20).toUpperCase(),
        qualifiedName: `nqn.2014-08.org.nvmexpress:uuid:${dashed.join('-')}`,
        namespaces: [{ storage: this.#storage, uuid: this.#uuid }],
        queuePairs: Math.min(vcpus, maxQueuePairs),
      },
      allocate,
    );
  }

  /** Once nothing is under way any more, the file is anybody's. Idempotent. */
  close(): void {
    this.#storage.close();
  }
}
