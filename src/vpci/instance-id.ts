import { type Guid, guidFields, guidFromFields, parseGuid } from '../vmbus/index.ts';

/** The interface that vPCI buses are offered under (Linux 6.1 include/linux/hyperv.h, HV_PCIE_GUID). */
export const VPCI_INTERFACE_ID = parseGuid('44c4f61d-4444-4400-9d52-802e27ede19f');

/**
 * What the bytes of a vPCI bus's instance GUID mean to a guest (Linux 6.1 drivers/pci/controller/pci-hyperv.c,
 * hv_pci_probe, hv_irq_retarget_interrupt; OpenVMM vm/devices/pci/vpci for the serial).
 */
export interface InstanceParts {
  /** Data1: the serial number of the function in slot 0, which names `/sys/bus/pci/slots/<serial>` in the guest. */
  readonly serial: number;
  /** Data2: the PCI domain. Not 0, which Linux replaces, and no other bus of the VM may have it. */
  readonly domain: number;
  /** Data3: low word of the device id that retargeting names; its low three bits give way to the function number. */
  readonly data3?: number;
  /** The last 8 bytes, free for the host: what tells two assignments of one function apart. Zeros by default. */
  readonly data4?: Uint8Array;
}

function check(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`A vPCI instance's ${name} is ${least}…0x${most.toString(16)}, not ${value}`);
  }
}

/** The instance GUID to offer a bus under. Throws RangeError for parts that don't fit, and for domain 0. */
export function instanceIdFor(parts: InstanceParts): Guid {
  check('serial', parts.serial, 0, 0xffff_ffff);
  check('domain', parts.domain, 1, 0xffff);
  check('data3', parts.data3 ?? 0, 0, 0xffff);
  return guidFromFields({
    data1: parts.serial,
    data2: parts.domain,
    data3: parts.data3 ?? 0,
    data4: parts.data4 ?? new Uint8Array(8),
  });
}

/** The device id that HvCallRetargetDeviceInterrupt carries for function number `pciFunction` (0…7) of this bus. */
export function deviceIdOf(instanceId: Guid, pciFunction: number): number {
  check('function number', pciFunction, 0, 7);
  const { data2, data3 } = guidFields(instanceId);
  return ((data2 << 16) | (data3 & 0xfff8) | pciFunction) >>> 0;
}

/** The PCI domain under which Linux shows this bus; it takes another one where this is 0 or already used. */
export function domainOf(instanceId: Guid): number {
  return guidFields(instanceId).data2;
}

/** The serial number of the function in slot 0. */
export function serialOf(instanceId: Guid): number {
  return guidFields(instanceId).data1;
}
