/** A vPCI bus as Linux runs it. See README.md. */
export { LinuxBus } from './linux-bus.ts';
export { PciDomains } from './pci-domains.ts';
export type { LinuxBusOptions, LinuxBusState } from './linux-bus.ts';
export { PciCore } from './pci-core/index.ts';
export type { BarWindow, HostBridge, MessageBlock, MsiDomain, PciDevice } from './pci-core/index.ts';
