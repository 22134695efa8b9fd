/** Who answers guest-physical accesses that leave the vCPU. */
export interface AddressHandler {
  /** `offset` from the range's start; `sizeBytes` 1, 2, 4 or 8. */
  read(offset: number, sizeBytes: number): bigint;
  write(offset: number, sizeBytes: number, value: bigint): void;
}

const ACCESS_SIZES: ReadonlySet<number> = new Set([1, 2, 4, 8]);

interface AddressRange {
  readonly gpa: number;
  readonly sizeBytes: number;
  readonly handler: AddressHandler;
}

/**
 * The ranges of guest-physical addresses whose accesses exit. Ranges never overlap. An address nobody claims reads all
 * ones and swallows writes, as an empty PCI bus does.
 */
export class AddressMap {
  readonly #ranges: AddressRange[] = [];

  overlaps(gpa: number, sizeBytes: number): boolean {
    return this.#ranges.some((range) => gpa < range.gpa + range.sizeBytes && range.gpa < gpa + sizeBytes);
  }

  /** False, and nothing changed, when the range meets one that is there. */
  claim(gpa: number, sizeBytes: number, handler: AddressHandler): boolean {
    if (this.overlaps(gpa, sizeBytes)) {
      return false;
    }
    this.#ranges.push({ gpa, sizeBytes, handler });
    return true;
  }

  release(gpa: number): void {
    const at = this.#ranges.findIndex((range) => range.gpa === gpa);
    if (at >= 0) {
      this.#ranges.splice(at, 1);
    }
  }

  read(gpa: number, sizeBytes: number): bigint {
    const range = this.#find(gpa, sizeBytes);
    return BigInt.asUintN(sizeBytes * 8, range ? range.handler.read(gpa - range.gpa, sizeBytes) : -1n);
  }

  write(gpa: number, sizeBytes: number, value: bigint): void {
    const range = this.#find(gpa, sizeBytes);
    range?.handler.write(gpa - range.gpa, sizeBytes, value);
  }

  #find(gpa: number, sizeBytes: number): AddressRange | undefined {
    // The parts of an access that crosses a page's end can have other sizes; no device answers such.
    if (!ACCESS_SIZES.has(sizeBytes)) {
      return undefined;
    }
    return this.#ranges.find((range) => gpa >= range.gpa && gpa + sizeBytes <= range.gpa + range.sizeBytes);
  }
}
