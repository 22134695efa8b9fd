/** The paravirtual PCI protocol: wire layouts and the provider. See README.md and docs/vpci.md. */
export { VpciProvider } from './provider.ts';
export type {
  BusFunctionOptions,
  EjectResult,
  RetargetRequest,
  RetargetResult,
  VpciProviderOptions,
  VpciSnapshot,
} from './provider.ts';
export type { BusFunctionState } from './bus-function.ts';
export type { EjectionOutcome, VpciLogEntry, VpciPort } from './port.ts';
export { BoundedLog } from './bounded-log.ts';
export { CONFIG_WINDOW_BYTES } from './config-window.ts';
export type { ConfigWindowPlan } from './config-window.ts';
export type { InterruptTarget } from './interrupt-tokens.ts';
export { deviceIdOf, domainOf, instanceIdFor, serialOf, VPCI_INTERFACE_ID } from './instance-id.ts';
export type { InstanceParts } from './instance-id.ts';
export { formatSlot, SLOT_COUNT, slotFields, slotOf } from './slot.ts';
export type { Slot } from './slot.ts';
export { describePacket } from './wire/describe.ts';
export { NtStatus } from './wire/status.ts';
export { formatVersion, parseVersion, VpciVersion } from './wire/version.ts';

/** The guest's end: front-ends/README.md. */
export { DriverFailure, GuestThreads, LinuxBus, NvmeDriver, PciDomains, PnpManager } from './front-ends/index.ts';
export type {
  BarAccess,
  DmaBuffer,
  FunctionDriver,
  FunctionServices,
  GuestPlatform,
  LinuxBusOptions,
  LinuxBusState,
  MmioRequest,
  NvmeController,
  PnpManagerOptions,
  RetargetCall,
  RunningFunction,
  Steps,
  StopReason,
  VectorTarget,
  Wait,
  WaitEnd,
} from './front-ends/index.ts';
