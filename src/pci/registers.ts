/**
 * Where things are in configuration space. Source of every number here: PCI Local Bus Specification 3.0 chapter 6, PCI
 * Express Base Specification chapter 7, as also given in Linux include/uapi/linux/pci_regs.h.
 */

/** Conventional PCI functions have the first, PCI Express functions the second. */
export const configSpaceBytes = 256;
export const extendedConfigSpaceBytes = 4096;

/** Offsets in the header of an endpoint (header type 0). */
export const HeaderRegister = {
  vendorId: 0x00,
  deviceId: 0x02,
  command: 0x04,
  status: 0x06,
  revisionId: 0x08,
  programmingInterface: 0x09,
  subClass: 0x0a,
  baseClass: 0x0b,
  cacheLineSize: 0x0c,
  latencyTimer: 0x0d,
  headerType: 0x0e,
  bist: 0x0f,
  bar0: 0x10,
  cardbusCis: 0x28,
  subsystemVendorId: 0x2c,
  subsystemId: 0x2e,
  romBar: 0x30,
  capabilityPointer: 0x34,
  interruptLine: 0x3c,
  interruptPin: 0x3d,
  minGrant: 0x3e,
  maxLatency: 0x3f,
} as const;

export const barCount = 6;

export const CommandBit = {
  ioSpace: 0x0001,
  memorySpace: 0x0002,
  busMaster: 0x0004,
  specialCycles: 0x0008,
  memoryWriteInvalidate: 0x0010,
  vgaPaletteSnoop: 0x0020,
  parityErrorResponse: 0x0040,
  serrEnable: 0x0100,
  interruptDisable: 0x0400,
} as const;

export const StatusBit = {
  immediateReadiness: 0x0001,
  interruptStatus: 0x0008,
  capabilityList: 0x0010,
  masterDataParityError: 0x0100,
  signaledTargetAbort: 0x0800,
  receivedTargetAbort: 0x1000,
  receivedMasterAbort: 0x2000,
  signaledSystemError: 0x4000,
  detectedParityError: 0x8000,
} as const;

/** Header type byte: bits 6:0 are the layout, bit 7 says that other functions exist on the device. */
export const headerLayoutMask = 0x7f;
export const headerMultiFunction = 0x80;
export const HeaderLayout = { endpoint: 0, bridge: 1, cardbus: 2 } as const;

/** Low bits of a BAR register. */
export const BarBit = {
  ioSpace: 0x1,
  memory64: 0x4,
  memoryTypeMask: 0x6,
  prefetchable: 0x8,
  memoryFlagsMask: 0xf,
  ioFlagsMask: 0x3,
} as const;

/** Power management capability: offsets in it, then bits. */
export const PowerRegister = { capabilities: 2, control: 4, bridge: 6, data: 7 } as const;
export const PowerControlBit = {
  stateMask: 0x0003,
  noSoftReset: 0x0008,
  pmeEnable: 0x0100,
  dataSelectMask: 0x1e00,
  dataScaleMask: 0x6000,
  pmeStatus: 0x8000,
} as const;
export const PowerState = { d0: 0, d1: 1, d2: 2, d3hot: 3 } as const;

/** PCI Express capability: offsets in it, then bits. */
export const ExpressRegister = {
  capabilities: 0x02,
  deviceCapabilities: 0x04,
  deviceControl: 0x08,
  deviceStatus: 0x0a,
  linkCapabilities: 0x0c,
  linkControl: 0x10,
  linkStatus: 0x12,
  slotCapabilities: 0x14,
  slotControl: 0x18,
  slotStatus: 0x1a,
  rootControl: 0x1c,
  rootCapabilities: 0x1e,
  rootStatus: 0x20,
  deviceCapabilities2: 0x24,
  deviceControl2: 0x28,
  deviceStatus2: 0x2a,
  linkCapabilities2: 0x2c,
  linkControl2: 0x30,
  linkStatus2: 0x32,
  slotCapabilities2: 0x34,
  slotControl2: 0x38,
  slotStatus2: 0x3a,
} as const;

export const deviceCapabilitiesFunctionLevelReset = 0x1000_0000;

export const DeviceControlBit = {
  correctableErrorReporting: 0x0001,
  nonFatalErrorReporting: 0x0002,
  fatalErrorReporting: 0x0004,
  unsupportedRequestReporting: 0x0008,
  relaxedOrdering: 0x0010,
  maxPayloadMask: 0x00e0,
  extendedTag: 0x0100,
  phantomFunctions: 0x0200,
  auxPower: 0x0400,
  noSnoop: 0x0800,
  maxReadRequestMask: 0x7000,
  initiateFunctionLevelReset: 0x8000,
} as const;

/** Advanced Features capability (functions of conventional PCI): offsets in it, then bits. */
export const AdvancedFeaturesRegister = { length: 2, capabilities: 3, control: 4, status: 5 } as const;
export const advancedFeaturesFunctionLevelReset = 0x02;
export const advancedFeaturesInitiateReset = 0x01;

/** MSI capability: offsets that don't depend on its size, then bits of message control. */
export const MsiRegister = { control: 2, addressLow: 4 } as const;
export const MsiControlBit = {
  enable: 0x0001,
  multipleCapableMask: 0x000e,
  multipleCapableShift: 1,
  multipleEnableMask: 0x0070,
  multipleEnableShift: 4,
  address64: 0x0080,
  perVectorMasking: 0x0100,
} as const;

/** MSI-X capability: offsets in it, then bits of message control. */
export const MsixRegister = { control: 2, table: 4, pendingBits: 8 } as const;
export const MsixControlBit = { tableSizeMask: 0x07ff, functionMask: 0x4000, enable: 0x8000 } as const;

/** One entry of the MSI-X table: offsets in it. */
export const MsixEntryRegister = { addressLow: 0, addressHigh: 4, data: 8, vectorControl: 12 } as const;
export const msixEntryBytes = 16;
export const msixVectorMasked = 0x1;
