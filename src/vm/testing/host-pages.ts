import type { AllocatePages } from '../../functions/index.ts';
import { plainPages } from '../../functions/testing/index.ts';

/** Host memory at addresses that mean something to the test alone: what a memory slot shows can be looked up here. */
export class HostPages {
  readonly #bytes = new Map<bigint, Uint8Array>();

  readonly allocate: AllocatePages = (name, sizeBytes) => {
    const pages = plainPages(name, sizeBytes);
    this.add(pages.address, pages.bytes);
    return pages;
  };

  add(address: bigint, bytes: Uint8Array): void {
    this.#bytes.set(address, bytes);
  }

  /** The `sizeBytes` bytes at `address`. */
  at(address: bigint, sizeBytes: number): Uint8Array {
    for (const [start, bytes] of this.#bytes) {
      const offset = Number(address - start);
      if (offset >= 0 && offset + sizeBytes <= bytes.byteLength) return bytes.subarray(offset, offset + sizeBytes);
    }
    throw new Error(`no host memory at 0x${address.toString(16)}: the guest would get a fault`);
  }
}
