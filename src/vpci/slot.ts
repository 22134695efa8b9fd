/**
 * A function's place on a vPCI bus as the wire carries it: a u32 with the device number in bits 4:0 and the function
 * number in bits 7:5 (Linux 6.1 drivers/pci/controller/pci-hyperv.c, union win_slot_encoding).
 */
export type Slot = number;

/** How many slots a bus can have: 32 devices of 8 functions. */
export const SLOT_COUNT = 256;

/** Throws RangeError unless `device` is 0…31 and `pciFunction` 0…7. */
export function slotOf(device: number, pciFunction: number): Slot {
  if (!Number.isInteger(device) || device < 0 || device > 31)
    throw new RangeError(`No PCI device number: ${device} (0…31)`);
  if (!Number.isInteger(pciFunction) || pciFunction < 0 || pciFunction > 7) {
    throw new RangeError(`No PCI function number: ${pciFunction} (0…7)`);
  }
  return device | (pciFunction << 5);
}

export function slotFields(slot: Slot): { readonly device: number; readonly pciFunction: number } {
  return { device: slot & 0x1f, pciFunction: (slot >>> 5) & 0x7 };
}

/** `00.0`, as the guest's PCI addresses end; a slot with reserved bits set is shown in hexadecimal. */
export function formatSlot(slot: Slot): string {
  if (slot >= SLOT_COUNT || slot < 0) return `slot 0x${slot.toString(16)}`;
  const { device, pciFunction } = slotFields(slot);
  return `${device.toString(16).padStart(2, '0')}.${pciFunction}`;
}
