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
export { describePacket, recognisePacket } from './wire/describe.ts';
export type { PacketDirection, RecognisedPacket } from './wire/describe.ts';
export { GUEST_MESSAGES } from './wire/guest-messages.ts';
export type { GuestMessageName } from './wire/guest-messages.ts';
export { HOST_MESSAGES } from './wire/host-messages.ts';
export { formatFields, isHexadecimal, readFields, tailName } from './wire/read-fields.ts';
export type { ReadCells, ReadField, ReadItem } from './wire/read-fields.ts';
export { REPLIES } from './wire/replies.ts';
export { fieldsOf } from './wire/shape.ts';
export type { MessageShape, Part, Shape } from './wire/shape.ts';
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
