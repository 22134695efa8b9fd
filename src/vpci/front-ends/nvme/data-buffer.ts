import type { FunctionServices } from '../function-driver.ts';
import type { DmaBuffer } from '../guest-platform.ts';
import { PAGE_BYTES } from './registers.ts';

/** Pages that one list page has room for: what a buffer can have beside its first. */
const LIST_ENTRIES = PAGE_BYTES / 8;

/** Guest memory for one command's data, with the page list (PRP) that describes it. */
export class DataBuffer {
  readonly prp1: number;
  readonly prp2: number;
  readonly #services: FunctionServices;
  readonly #data: DmaBuffer;
  readonly #list: DmaBuffer | undefined;

  /** `sizeBytes`: at most 513 pages. */
  constructor(services: FunctionServices, sizeBytes: number) {
    const pages = Math.ceil(sizeBytes / PAGE_BYTES);
    if (pages > LIST_ENTRIES + 1) throw new RangeError(`${sizeBytes} bytes are too many for one command`);
    this.#services = services;
    this.#data = services.allocateDma(pages * PAGE_BYTES);
    this.prp1 = this.#data.gpa;
    if (pages <= 2) {
      this.#list = undefined;
      this.prp2 = pages === 2 ? this.#data.gpa + PAGE_BYTES : 0;
    } else {
      this.#list = services.allocateDma(PAGE_BYTES);
      const entries = BigUint64Array.from({ length: pages - 1 }, (_, i) => BigInt(this.prp1 + (i + 1) * PAGE_BYTES));
      this.#list.write(0, new Uint8Array(entries.buffer));
      this.prp2 = this.#list.gpa;
    }
  }

  fill(bytes: Uint8Array): void {
    this.#data.write(0, bytes);
  }

  read(sizeBytes: number): Uint8Array {
    return this.#data.read(0, sizeBytes);
  }

  free(): void {
    this.#services.freeDma(this.#data);
    if (this.#list !== undefined) this.#services.freeDma(this.#list);
  }
}
