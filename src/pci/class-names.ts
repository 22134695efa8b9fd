/** Keys: base class, sub-class and, where it matters, programming interface, as hexadecimal digits. */
const names: ReadonlyMap<string, string> = new Map([
  ['00', 'unclassified device'],
  ['01', 'storage controller'],
  ['0100', 'SCSI controller'],
  ['0101', 'IDE controller'],
  ['0104', 'RAID controller'],
  ['0106', 'SATA controller'],
  ['010601', 'AHCI SATA controller'],
  ['0107', 'SAS controller'],
  ['0108', 'non-volatile memory controller'],
  ['010802', 'NVMe controller'],
  ['0109', 'universal flash storage controller'],
  ['02', 'network controller'],
  ['0200', 'Ethernet controller'],
  ['0207', 'InfiniBand controller'],
  ['0208', 'fabric controller'],
  ['03', 'display controller'],
  ['0300', 'VGA display controller'],
  ['0302', '3D controller'],
  ['04', 'multimedia controller'],
  ['0400', 'video device'],
  ['0401', 'audio device'],
  ['0403', 'HD audio controller'],
  ['05', 'memory controller'],
  ['0502', 'CXL memory device'],
  ['06', 'bridge'],
  ['0600', 'host bridge'],
  ['0601', 'ISA bridge'],
  ['0604', 'PCI bridge'],
  ['0607', 'CardBus bridge'],
  ['07', 'communication controller'],
  ['0700', 'serial controller'],
  ['08', 'system peripheral'],
  ['0805', 'SD host controller'],
  ['0806', 'IOMMU'],
  ['0807', 'root complex event collector'],
  ['09', 'input device controller'],
  ['0a', 'docking station'],
  ['0b', 'processor'],
  ['0c', 'serial bus controller'],
  ['0c03', 'USB controller'],
  ['0c0330', 'USB 3 (xHCI) controller'],
  ['0c0320', 'USB 2 (EHCI) controller'],
  ['0c0340', 'USB4 host interface'],
  ['0c04', 'Fibre Channel controller'],
  ['0c05', 'SMBus controller'],
  ['0d', 'wireless controller'],
  ['0d11', 'Bluetooth controller'],
  ['0d80', 'wireless controller'],
  ['0e', 'intelligent I/O controller'],
  ['0f', 'satellite communication controller'],
  ['10', 'encryption controller'],
  ['11', 'signal processing controller'],
  ['12', 'processing accelerator'],
  ['13', 'non-essential instrumentation'],
  ['40', 'co-processor'],
  ['ff', 'device of no defined class'],
]);

/** What kind of device a class code means, in words. Source of the codes: PCI Code and ID Assignment Specification. */
export function className(baseClass: number, subClass: number, programmingInterface: number): string {
  const base = hex2(baseClass);
  const sub = base + hex2(subClass);
  return names.get(sub + hex2(programmingInterface)) ?? names.get(sub) ?? names.get(base) ?? `device of class ${sub}`;
}

function hex2(value: number): string {
  return value.toString(16).padStart(2, '0');
}
