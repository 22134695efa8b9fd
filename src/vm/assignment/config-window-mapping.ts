import { CONFIG_WINDOW_BYTES, type ConfigWindowPlan, NtStatus, type VpciProvider } from '../../vpci/index.ts';
import type { MemorySlot } from '../memory/memory-slots.ts';
import type { MachineServices } from './machine-services.ts';
import { fitsDeviceWindow } from './windows.ts';

const PAGE_BYTES = 4096;

type WindowProvider = Pick<VpciProvider, 'configWindowRead' | 'configWindowWrite'>;

/** A vPCI bus's config window in the guest's address space. */
export class ConfigWindowMapping {
  readonly #services: MachineServices;
  #gpa: number | undefined;
  #slots: MemorySlot[] = [];

  constructor(services: MachineServices) {
    this.#services = services;
  }

  /** True, or the NTSTATUS to refuse the guest with. */
  map(gpa: number, plan: ConfigWindowPlan, provider: WindowProvider): true | number {
    const { map, slots, addresses } = this.#services;
    if (!fitsDeviceWindow(map, gpa, CONFIG_WINDOW_BYTES) || slots.overlaps(gpa, CONFIG_WINDOW_BYTES)) {
      return NtStatus.INVALID_PARAMETER;
    }
    const claimed = addresses.claim(gpa, CONFIG_WINDOW_BYTES, {
      // PCI has no accesses of 8 bytes.
      read: (offset, sizeBytes) => (sizeBytes > 4 ? -1n : BigInt(provider.configWindowRead(offset, sizeBytes))),
      write: (offset, sizeBytes, value) => {
        if (sizeBytes <= 4) {
          provider.configWindowWrite(offset, sizeBytes, Number(value));
        }
      },
    });
    if (!claimed) {
      return NtStatus.INVALID_PARAMETER;
    }
    this.#gpa = gpa;
    this.#place(plan);
    return true;
  }

  change(plan: ConfigWindowPlan): void {
    this.#clear();
    this.#place(plan);
  }

  unmap(): void {
    if (this.#gpa === undefined) {
      return;
    }
    this.#clear();
    this.#services.addresses.release(this.#gpa);
    this.#gpa = undefined;
  }

  #place(plan: ConfigWindowPlan): void {
    if (this.#gpa === undefined || plan.kind !== 'image') {
      // The claim answers: through the provider, which gives all ones where no function is.
      return;
    }
    const { slots, selectorPage } = this.#services;
    this.#slots.push(slots.map(this.#gpa, PAGE_BYTES, selectorPage.address, false));
    this.#slots.push(slots.map(this.#gpa + PAGE_BYTES, PAGE_BYTES, plan.imageAddress, true));
  }

  #clear(): void {
    for (const slot of this.#slots) {
      this.#services.slots.unmap(slot);
    }
    this.#slots = [];
  }
}
