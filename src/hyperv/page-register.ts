import type { GuestMemory, GuestPage } from './guest-memory.ts';

const ENABLE = 1n;
const GPN_SHIFT = 12n;
/** No x86 CPU has more physical address bits; a greater page number is no RAM, and is no safe byte address either. */
const MAX_GPN = (1n << 40n) - 1n;

/**
 * A register that names a page: bit 0 enables, bits 63:12 are the page number, the bits between are kept as written.
 * (HV_X64_MSR_HYPERCALL, SIMP, SIEFP, REFERENCE_TSC; TLFS "Overlay pages".)
 *
 * Microsoft's hypervisor lays a page of its own over the guest's there. Here it is the guest's RAM itself, so a page
 * that isn't RAM is refused at the write: an enabled register always has its page.
 */
export class PageRegister {
  readonly #memory: GuestMemory;
  #value = 0n;
  #page: GuestPage | undefined;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  get value(): bigint {
    return this.#value;
  }

  /** The page, while the register is enabled. */
  get page(): GuestPage | undefined {
    return this.#page;
  }

  /**
   * `moved`: the register is enabled, and wasn't, or named another page. `refused`: the page isn't RAM, and nothing has
   * changed.
   */
  write(value: bigint): 'moved' | 'kept' | 'refused' {
    if ((value & ENABLE) === 0n) {
      this.#value = value;
      this.#page = undefined;
      return 'kept';
    }
    if (this.#page !== undefined && value >> GPN_SHIFT === this.#value >> GPN_SHIFT) {
      this.#value = value;
      return 'kept';
    }
    const page = this.#pageOf(value);
    if (page === undefined) {
      return 'refused';
    }
    this.#value = value;
    this.#page = page;
    return 'moved';
  }

  /** Clears the enable bit and keeps the rest. */
  disable(): void {
    this.#value &= ~ENABLE;
    this.#page = undefined;
  }

  reset(): void {
    this.#value = 0n;
    this.#page = undefined;
  }

  #pageOf(value: bigint): GuestPage | undefined {
    const gpn = value >> GPN_SHIFT;
    return gpn > MAX_GPN ? undefined : this.#memory.page(Number(gpn));
  }
}
