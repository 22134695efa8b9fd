import type { AllocatePages } from '../function-backend.ts';
import type { PciFunction } from '../function.ts';
import { sharedPages } from '../shared-pages.ts';
import { FileStorage, type OpenFile } from './file-storage.ts';
import type { SoftwareNvmeOptions } from './nvme-backend.ts';
import { SoftwareNvme } from './software-nvme.ts';
import { VirtualFunctionDisk } from './virtual-function-disk.ts';

/** I/O queues of each kind: one for each of the guest's CPUs. */
const maxQueuePairs = 16;

export interface DiskIdentity {
  /** `disk0`. */
  readonly name: string;
  /** 16 bytes: what a guest knows it by. */
  readonly uuid: Uint8Array;
  /** So many functions with the same blocks, each lent by itself, in place of one; default 0: one. */
  readonly virtualFunctions?: number;
}

/** A file that is a guest's disk: it stays open until {@link close}, however often it is lent. */
export class SoftwareDisk {
  readonly name: string;
  /** What it is lent as: `disk0`, or `disk0.1`, `disk0.2`, … where it has virtual functions. */
  readonly functions: readonly string[];
  readonly #uuid: Uint8Array;
  readonly #storage: FileStorage;
  readonly #virtualFunctions: number;
  #virtual: VirtualFunctionDisk | undefined;

  /** Takes the file over. */
  constructor({ name, uuid, virtualFunctions = 0 }: DiskIdentity, file: OpenFile) {
    this.name = name;
    this.#uuid = uuid;
    this.#storage = new FileStorage(file);
    this.#virtualFunctions = virtualFunctions;
    const numbers = Array.from({ length: virtualFunctions }, (_, index) => `${name}.${index + 1}`);
    this.functions = virtualFunctions === 0 ? [name] : numbers;
  }

  /**
   * A controller of its own each time, for a guest with so many CPUs. What an earlier one left under way ends before it starts.
   * `allocate`: of memory that can be shown to the guest. Throws RangeError for a name that isn't among its functions.
   */
  createFunction(name: string, vcpus: number, allocate: AllocatePages = sharedPages): PciFunction {
    const number = this.functions.indexOf(name) + 1;
    if (number === 0) throw new RangeError(`${this.name} has no function ${name}`);
    const queuePairs = Math.min(vcpus, maxQueuePairs);
    if (this.#virtualFunctions === 0) return new SoftwareNvme(this.#options(queuePairs), allocate);
    this.#virtual ??= new VirtualFunctionDisk(this.#options(maxQueuePairs), this.#virtualFunctions, allocate);
    return this.#virtual.createFunction(number, queuePairs);
  }

  /** Once nothing is under way any more, the file is anybody's. Idempotent. */
  close(): void {
    this.#virtual?.close();
    this.#storage.close();
  }

  #options(queuePairs: number): SoftwareNvmeOptions {
    const hex = Buffer.from(this.#uuid).toString('hex');
    const dashed = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
    return {
      name: this.name,
      serialNumber: hex.slice(0, 20).toUpperCase(),
      qualifiedName: `nqn.2014-08.org.nvmexpress:uuid:${dashed.join('-')}`,
      namespaces: [{ storage: this.#storage, uuid: this.#uuid }],
      queuePairs,
    };
  }
}
