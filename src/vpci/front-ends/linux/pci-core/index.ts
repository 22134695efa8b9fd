/** A small generic PCI core: bus scan, BARs, capabilities, message interrupts, driver binding. */
export type { BarWindow, HostBridge, MessageBlock, MsiDomain } from './host-bridge.ts';
export { PciCore } from './pci-core.ts';
export type { PciDevice } from './pci-device.ts';
