import type { GuestMemory } from './guest-memory.ts';
import { PageRegister } from './page-register.ts';

/**
 * The I/O port that the hypercall page writes to. Nothing else lives there; it is neither POST's 0x80 nor 0x7E, whose
 * OUT KVM completes before the exit instead of after it (Linux 6.1 arch/x86/kvm/x86.c, KVM_X86_QUIRK_OUT_7E_INC_RIP).
 */
export const HYPERCALL_PORT = 0x9c;

const PAGE_SIZE_BYTES = 4096;
const INT3 = 0xcc;
const LOCKED = 2n;

/**
 * What a guest calls. VMCALL would never leave KVM, which knows neither these calls nor this guest's identity; an OUT
 * always does, and carries RCX, RDX, R8 and RAX in the run page's synchronised registers.
 */
export function hypercallPage(): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE_BYTES).fill(INT3);
  page.set([
    ...[0xf3, 0x0f, 0x1e, 0xfa], // endbr64, for guests that enforce indirect branch tracking
    ...[0xe7, HYPERCALL_PORT], // out HYPERCALL_PORT, eax
    0xc3, // ret
  ]);
  return page;
}

/** HV_X64_MSR_GUEST_OS_ID and HV_X64_MSR_HYPERCALL (TLFS "Establishing the Hypercall Interface"). */
export class HypercallInterface {
  readonly #register: PageRegister;
  #guestOsId = 0n;

  constructor(memory: GuestMemory) {
    this.#register = new PageRegister(memory);
  }

  get guestOsId(): bigint {
    return this.#guestOsId;
  }

  get value(): bigint {
    return this.#register.value;
  }

  get enabled(): boolean {
    return this.#register.page !== undefined;
  }

  /** Zero says that the operating system has gone: the page is no hypercall page any more. */
  writeGuestOsId(value: bigint): void {
    this.#guestOsId = value;
    if (value === 0n) {
      this.#register.disable();
    }
  }

  /**
   * Puts the contents into the page before it returns, so that the guest may call as soon as its WRMSR is done. False:
   * the register is locked, or the page isn't RAM.
   */
  write(value: bigint): boolean {
    if ((this.#register.value & LOCKED) !== 0n) {
      return false;
    }
    // A nameless guest gets no hypercalls: the enable bit reads back zero, by which it knows.
    const allowed = this.#guestOsId === 0n ? value & ~1n : value;
    const outcome = this.#register.write(allowed);
    if (outcome === 'moved') {
      // Only when it moves: another VP may be running this very page.
      this.#register.page?.bytes.set(hypercallPage());
    }
    return outcome !== 'refused';
  }

  reset(): void {
    this.#guestOsId = 0n;
    this.#register.reset();
  }
}
