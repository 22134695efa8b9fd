import type { KvmVm } from '../../linux/index.ts';

export type SlotVm = Pick<KvmVm, 'setMemoryRegion'>;

/** Host memory mapped into the guest. */
export interface MemorySlot {
  readonly slot: number;
  readonly gpa: number;
  readonly sizeBytes: number;
}

/** KVM's memory slots of one VM: numbers are reused, ranges never overlap. */
export class MemorySlots {
  readonly #vm: SlotVm;
  readonly #limit: number;
  readonly #slots = new Map<number, MemorySlot>();

  /** `limit`: what KVM_CAP_NR_MEMSLOTS says. */
  constructor(vm: SlotVm, limit: number) {
    this.#vm = vm;
    this.#limit = limit;
  }

  get count(): number {
    return this.#slots.size;
  }

  overlaps(gpa: number, sizeBytes: number): boolean {
    for (const slot of this.#slots.values()) {
      if (gpa < slot.gpa + slot.sizeBytes && slot.gpa < gpa + sizeBytes) {
        return true;
      }
    }
    return false;
  }

  /** Maps host memory; writes to a read-only slot exit instead. The range must be free. */
  map(gpa: number, sizeBytes: number, hostAddress: bigint, readOnly: boolean): MemorySlot {
    if (this.overlaps(gpa, sizeBytes)) {
      throw new RangeError(`guest-physical range 0x${gpa.toString(16)}+0x${sizeBytes.toString(16)} is already mapped`);
    }
    let number = 0;
    while (this.#slots.has(number)) {
      number += 1;
    }
    if (number >= this.#limit) {
      throw new RangeError(`all ${this.#limit} memory slots of this VM are in use: eject a function first`);
    }
    this.#vm.setMemoryRegion({ slot: number, gpa, sizeBytes, hostAddress, readOnly });
    const slot = { slot: number, gpa, sizeBytes };
    this.#slots.set(number, slot);
    return slot;
  }

  /** After this returns no vCPU reaches the mapping any more (KVM zaps the range before it answers). */
  unmap(slot: MemorySlot): void {
    if (this.#slots.get(slot.slot) !== slot) {
      throw new RangeError(`memory slot ${slot.slot} is not mapped`);
    }
    this.#vm.setMemoryRegion({ slot: slot.slot, gpa: slot.gpa, sizeBytes: 0, hostAddress: 0n, readOnly: false });
    this.#slots.delete(slot.slot);
  }
}
