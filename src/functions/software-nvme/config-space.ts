import {
  BarBit,
  CapabilityId,
  CommandBit,
  deviceCapabilitiesFunctionLevelReset,
  ExpressPortType,
  ExpressRegister,
  extendedConfigSpaceBytes,
  HeaderRegister,
  MsixRegister,
  PowerControlBit,
  PowerRegister,
  StatusBit,
  writeU16,
  writeU32,
} from '../../pci/index.ts';
import { msixPendingOffset, msixTableOffset } from './registers.ts';

/** Ids that nobody has registered: drivers take an NVMe controller by its class. */
export const softwareNvmeIds = { vendorId: 0xdda0, deviceId: 0x0001, virtualFunctionDeviceId: 0x0002 } as const;
/** Mass storage, non-volatile memory, NVM Express (PCI Code and ID Assignment Specification). */
const classCode = { baseClass: 0x01, subClass: 0x08, programmingInterface: 0x02 } as const;

const Place = { powerManagement: 0x40, msix: 0x50, express: 0x60, sriov: 0x100 } as const;
/** Version 3 of the power management interface; no D1, no D2, no PME. */
const powerCapabilities = 0x0003;
const expressVersion = 2;

export interface ConfigShape {
  readonly vectors: number;
  readonly isVirtual: boolean;
  /** The SR-IOV capability of a physical function. */
  readonly sriov: Uint8Array | undefined;
}

/** Configuration space after a reset: one 64-bit BAR, MSI-X, a function-level reset. */
export function softwareNvmeConfig({ vectors, isVirtual, sriov }: ConfigShape): Uint8Array {
  const deviceId = isVirtual ? softwareNvmeIds.virtualFunctionDeviceId : softwareNvmeIds.deviceId;
  const config = new Uint8Array(extendedConfigSpaceBytes);
  writeU16(config, HeaderRegister.vendorId, softwareNvmeIds.vendorId);
  writeU16(config, HeaderRegister.deviceId, deviceId);
  writeU16(config, HeaderRegister.command, CommandBit.memorySpace | CommandBit.interruptDisable);
  writeU16(config, HeaderRegister.status, StatusBit.capabilityList);
  config[HeaderRegister.revisionId] = 1;
  config[HeaderRegister.programmingInterface] = classCode.programmingInterface;
  config[HeaderRegister.subClass] = classCode.subClass;
  config[HeaderRegister.baseClass] = classCode.baseClass;
  writeU32(config, HeaderRegister.bar0, BarBit.memory64);
  writeU16(config, HeaderRegister.subsystemVendorId, softwareNvmeIds.vendorId);
  writeU16(config, HeaderRegister.subsystemId, deviceId);
  config[HeaderRegister.capabilityPointer] = Place.powerManagement;

  config.set([CapabilityId.powerManagement, Place.msix], Place.powerManagement);
  writeU16(config, Place.powerManagement + PowerRegister.capabilities, powerCapabilities);
  writeU16(config, Place.powerManagement + PowerRegister.control, PowerControlBit.noSoftReset);

  config.set([CapabilityId.msix, Place.express], Place.msix);
  writeU16(config, Place.msix + MsixRegister.control, vectors - 1);
  writeU32(config, Place.msix + MsixRegister.table, msixTableOffset);
  writeU32(config, Place.msix + MsixRegister.pendingBits, msixPendingOffset);

  config.set([CapabilityId.pciExpress, 0], Place.express);
  const expressKind = expressVersion | (ExpressPortType.rootComplexEndpoint << 4);
  writeU16(config, Place.express + ExpressRegister.capabilities, expressKind);
  writeU32(config, Place.express + ExpressRegister.deviceCapabilities, deviceCapabilitiesFunctionLevelReset);
  if (sriov !== undefined) config.set(sriov, Place.sriov);
  return config;
}
