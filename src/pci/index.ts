export { AcsBit, acsIsolation, decodeAcsCapability } from './acs-capability.ts';
export type { AcsCapability } from './acs-capability.ts';
export {
  PciAddressError,
  comparePciAddresses,
  formatPciAddress,
  looksLikePciAddress,
  parsePciAddress,
  samePciAddress,
} from './address.ts';
export type { PciAddress, PciAddressResult } from './address.ts';
export { locationPath } from './location-path.ts';
export type { LocationHop } from './location-path.ts';
export {
  AdvancedFeaturesRegister,
  BarBit,
  CommandBit,
  DeviceControlBit,
  ExpressRegister,
  HeaderLayout,
  HeaderRegister,
  MsiControlBit,
  MsiRegister,
  MsixControlBit,
  MsixEntryRegister,
  MsixRegister,
  PowerControlBit,
  PowerRegister,
  PowerState,
  StatusBit,
  advancedFeaturesFunctionLevelReset,
  advancedFeaturesInitiateReset,
  barCount,
  configSpaceBytes,
  deviceCapabilitiesFunctionLevelReset,
  extendedConfigSpaceBytes,
  headerLayoutMask,
  headerMultiFunction,
  msixEntryBytes,
  msixVectorMasked,
} from './registers.ts';
export { readU16, readU32, readU8, writeU16, writeU32 } from './config-bytes.ts';
export { decodeHeader } from './header.ts';
export type { ConfigHeader } from './header.ts';
export { barSizeFromMask, barSizingMask, decodeBarTypes } from './bars.ts';
export type { BarKind, BarSizingMask, BarType } from './bars.ts';
export {
  CapabilityId,
  ExtendedCapabilityId,
  extendedCapabilities,
  findCapability,
  standardCapabilities,
} from './capabilities.ts';
export type { Capability, CapabilityWalk, ExtendedCapability } from './capabilities.ts';
export { capabilityName, extendedCapabilityName } from './capability-names.ts';
export { decodeMsiCapability, decodeMsixCapability } from './msi-capability.ts';
export type { BarLocation, MsiCapability, MsixCapability } from './msi-capability.ts';
export { ExpressPortType, decodeExpressCapability, hasFunctionLevelReset } from './express-capability.ts';
export type { ExpressCapability, ExpressLink } from './express-capability.ts';
export { className } from './class-names.ts';
export { parsePciIds, pciIdsPaths, readPciIds } from './pci-ids.ts';
export type { PciIds } from './pci-ids.ts';
