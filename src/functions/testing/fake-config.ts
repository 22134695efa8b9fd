import {
  CapabilityId,
  CommandBit,
  ExpressRegister,
  ExtendedCapabilityId,
  HeaderRegister,
  StatusBit,
  deviceCapabilitiesFunctionLevelReset,
  extendedConfigSpaceBytes,
  writeU16,
  writeU32,
} from '../../pci/index.ts';
import type { FunctionIdentity } from '../function.ts';

/** Where the fake function's capabilities are. */
export const FakeCapability = {
  powerManagement: 0x40,
  msi: 0x50,
  msix: 0x70,
  express: 0x80,
  vitalProductData: 0xc0,
  advancedErrorReporting: 0x100,
  deviceSerialNumber: 0x150,
} as const;

export interface FakeConfigOptions {
  readonly identity: FunctionIdentity;
  /** Low bits of each BAR register. */
  readonly barFlags: ReadonlyMap<number, number>;
  /** A power of two up to 32; 0 leaves the capability out. */
  readonly msiVectors: number;
  /** Up to 2048; 0 leaves the capability out. */
  readonly msixVectors: number;
  readonly msixTable: { readonly barIndex: number; readonly offset: number };
  readonly msixPendingBits: { readonly barIndex: number; readonly offset: number };
  readonly functionLevelReset: boolean;
}

/**
 * The configuration space of a PCI Express endpoint with what the policy treats differently: power management, MSI, MSI-X,
 * PCI Express, vital product data (hidden), error reporting (hidden, first of the extended list), a serial number.
 */
export function fakeConfig(options: FakeConfigOptions): Uint8Array {
  const config = new Uint8Array(extendedConfigSpaceBytes);
  const { identity } = options;
  writeU16(config, HeaderRegister.vendorId, identity.vendorId);
  writeU16(config, HeaderRegister.deviceId, identity.deviceId);
  writeU16(config, HeaderRegister.command, CommandBit.memorySpace | CommandBit.interruptDisable);
  writeU16(config, HeaderRegister.status, StatusBit.capabilityList);
  config[HeaderRegister.revisionId] = identity.revisionId;
  config[HeaderRegister.programmingInterface] = identity.programmingInterface;
  config[HeaderRegister.subClass] = identity.subClass;
  config[HeaderRegister.baseClass] = identity.baseClass;
  config[HeaderRegister.headerType] = 0x80;
  for (const [index, flags] of options.barFlags) writeU32(config, HeaderRegister.bar0 + 4 * index, flags);
  writeU16(config, HeaderRegister.subsystemVendorId, identity.subsystemVendorId);
  writeU16(config, HeaderRegister.subsystemId, identity.subsystemId);
  writeU32(config, HeaderRegister.romBar, 0xfff0_0001);
  config[HeaderRegister.interruptPin] = 1;

  const present = [
    { offset: FakeCapability.powerManagement, id: CapabilityId.powerManagement },
    ...(options.msiVectors > 0 ? [{ offset: FakeCapability.msi, id: CapabilityId.msi }] : []),
    ...(options.msixVectors > 0 ? [{ offset: FakeCapability.msix, id: CapabilityId.msix }] : []),
    { offset: FakeCapability.express, id: CapabilityId.pciExpress },
    { offset: FakeCapability.vitalProductData, id: CapabilityId.vitalProductData },
  ];
  config[HeaderRegister.capabilityPointer] = FakeCapability.powerManagement;
  present.forEach(({ offset, id }, i) => {
    config[offset] = id;
    config[offset + 1] = present[i + 1]?.offset ?? 0;
  });

  // Version 3, D1 and PME; no soft reset from D3hot.
  writeU16(config, FakeCapability.powerManagement + 2, 0x0803 | 0x0200);
  writeU16(config, FakeCapability.powerManagement + 4, 0x0008);
  // 64-bit addresses, per-vector masking.
  if (options.msiVectors > 0) writeU16(config, FakeCapability.msi + 2, 0x0180 | (Math.log2(options.msiVectors) << 1));
  if (options.msixVectors > 0) {
    writeU16(config, FakeCapability.msix + 2, options.msixVectors - 1);
    writeU32(config, FakeCapability.msix + 4, options.msixTable.offset | options.msixTable.barIndex);
    writeU32(config, FakeCapability.msix + 8, options.msixPendingBits.offset | options.msixPendingBits.barIndex);
  }
  const express = FakeCapability.express;
  writeU16(config, express + ExpressRegister.capabilities, 0x0002);
  const reset = options.functionLevelReset ? deviceCapabilitiesFunctionLevelReset : 0;
  writeU32(config, express + ExpressRegister.deviceCapabilities, (reset | 0x8001) >>> 0);
  writeU16(config, express + ExpressRegister.deviceControl, 0x2810);
  writeU32(config, express + ExpressRegister.linkCapabilities, 0x0000_0443);
  writeU16(config, express + ExpressRegister.linkStatus, 0x0043);

  writeU32(
    config,
    FakeCapability.advancedErrorReporting,
    (FakeCapability.deviceSerialNumber << 20) | (2 << 16) | ExtendedCapabilityId.advancedErrorReporting,
  );
  writeU32(config, FakeCapability.deviceSerialNumber, (1 << 16) | ExtendedCapabilityId.deviceSerialNumber);
  writeU32(config, FakeCapability.deviceSerialNumber + 4, 0x5544_3322);
  writeU32(config, FakeCapability.deviceSerialNumber + 8, 0x0099_8877);
  return config;
}
