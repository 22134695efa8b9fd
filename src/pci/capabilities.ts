import { readU8, readU16, readU32 } from './config-bytes.ts';
import { HeaderRegister, StatusBit, configSpaceBytes } from './registers.ts';

/** Standard capability ids. Source: PCI Code and ID Assignment Specification, Linux include/uapi/linux/pci_regs.h. */
export const CapabilityId = {
  powerManagement: 0x01,
  agp: 0x02,
  vitalProductData: 0x03,
  slotIdentification: 0x04,
  msi: 0x05,
  compactPciHotSwap: 0x06,
  pciX: 0x07,
  hyperTransport: 0x08,
  vendorSpecific: 0x09,
  debugPort: 0x0a,
  compactPciControl: 0x0b,
  hotPlugController: 0x0c,
  bridgeSubsystem: 0x0d,
  agp8x: 0x0e,
  secureDevice: 0x0f,
  pciExpress: 0x10,
  msix: 0x11,
  sataIndexData: 0x12,
  advancedFeatures: 0x13,
  enhancedAllocation: 0x14,
} as const;
export type CapabilityId = (typeof CapabilityId)[keyof typeof CapabilityId];

/** Extended capability ids. Source: as above. */
export const ExtendedCapabilityId = {
  advancedErrorReporting: 0x01,
  virtualChannel: 0x02,
  deviceSerialNumber: 0x03,
  powerBudgeting: 0x04,
  rootComplexLink: 0x05,
  rootComplexInternalLink: 0x06,
  rootComplexEventCollector: 0x07,
  multiFunctionVirtualChannel: 0x08,
  virtualChannel9: 0x09,
  rootComplexRegisterBlock: 0x0a,
  vendorSpecific: 0x0b,
  configurationAccess: 0x0c,
  accessControlServices: 0x0d,
  alternativeRoutingId: 0x0e,
  addressTranslationServices: 0x0f,
  singleRootIov: 0x10,
  multiRootIov: 0x11,
  multicast: 0x12,
  pageRequest: 0x13,
  resizableBar: 0x15,
  dynamicPowerAllocation: 0x16,
  tphRequester: 0x17,
  latencyTolerance: 0x18,
  secondaryPciExpress: 0x19,
  protocolMultiplexing: 0x1a,
  processAddressSpaceId: 0x1b,
  lnRequester: 0x1c,
  downstreamPortContainment: 0x1d,
  l1PowerSubstates: 0x1e,
  precisionTime: 0x1f,
  mPcie: 0x20,
  readinessQueueing: 0x21,
  readinessTime: 0x22,
  designatedVendorSpecific: 0x23,
  vfResizableBar: 0x24,
  dataLinkFeature: 0x25,
  physicalLayer16: 0x26,
  laneMargining: 0x27,
  hierarchyId: 0x28,
  nativeEnclosure: 0x29,
  physicalLayer32: 0x2a,
  alternateProtocol: 0x2b,
  systemFirmwareIntermediary: 0x2c,
  shadowFunctions: 0x2d,
  dataObjectExchange: 0x2e,
  integrityAndEncryption: 0x30,
} as const;
export type ExtendedCapabilityId = (typeof ExtendedCapabilityId)[keyof typeof ExtendedCapabilityId];

export interface Capability {
  readonly id: number;
  /** Where its first byte is. */
  readonly offset: number;
}

export interface ExtendedCapability extends Capability {
  readonly version: number;
}

/** What a walk found. `problem`: why the list ended before its own end mark; what was found until there still counts. */
export interface CapabilityWalk<C extends Capability> {
  readonly capabilities: readonly C[];
  readonly problem: string | undefined;
}

/** The list that starts at the capability pointer. Bounded by the bytes given; a loop ends it. */
export function standardCapabilities(config: Uint8Array): CapabilityWalk<Capability> {
  const capabilities: Capability[] = [];
  const seen = new Set<number>();
  if (config.length < 64) return { capabilities, problem: 'fewer than 64 bytes of configuration space were read' };
  if ((readU16(config, HeaderRegister.status) & StatusBit.capabilityList) === 0) {
    return { capabilities, problem: undefined };
  }
  const end = Math.min(config.length, configSpaceBytes);
  // The two low bits of each pointer are reserved and must be ignored (PCI Local Bus Specification 3.0, 6.7).
  let offset = readU8(config, HeaderRegister.capabilityPointer) & 0xfc;
  while (offset !== 0) {
    if (offset < 0x40) return { capabilities, problem: `a pointer leads into the header, to ${hex(offset)}` };
    if (offset + 2 > end) return { capabilities, problem: `a pointer leads to ${hex(offset)}, which was not read` };
    if (seen.has(offset)) return { capabilities, problem: `the list loops at ${hex(offset)}` };
    seen.add(offset);
    const id = readU8(config, offset);
    if (id === 0xff) return { capabilities, problem: `${hex(offset)} reads all ones` };
    capabilities.push({ id, offset });
    offset = readU8(config, offset + 1) & 0xfc;
  }
  return { capabilities, problem: undefined };
}

/** The list that starts at 0x100. Bounded by the bytes given; a loop ends it. */
export function extendedCapabilities(config: Uint8Array): CapabilityWalk<ExtendedCapability> {
  const capabilities: ExtendedCapability[] = [];
  const seen = new Set<number>();
  if (config.length <= configSpaceBytes) return { capabilities, problem: undefined };
  let offset: number = configSpaceBytes;
  while (offset !== 0) {
    if (offset < configSpaceBytes)
      return { capabilities, problem: `a pointer leads out of the area, to ${hex(offset)}` };
    if (offset + 4 > config.length)
      return { capabilities, problem: `a pointer leads to ${hex(offset)}, which was not read` };
    if (seen.has(offset)) return { capabilities, problem: `the list loops at ${hex(offset)}` };
    seen.add(offset);
    const header = readU32(config, offset);
    if (header === 0xffff_ffff) {
      return { capabilities, problem: offset === configSpaceBytes ? undefined : `${hex(offset)} reads all ones` };
    }
    const id = header & 0xffff;
    // Id 0 with a pointer is a place holder whose capability was taken out; the list goes on behind it.
    if (id !== 0) capabilities.push({ id, offset, version: (header >>> 16) & 0xf });
    offset = (header >>> 20) & 0xffc;
  }
  return { capabilities, problem: undefined };
}

/** The first capability with that id, from either list. */
export function findCapability<C extends Capability>(walk: CapabilityWalk<C>, id: number): C | undefined {
  return walk.capabilities.find((capability) => capability.id === id);
}

function hex(offset: number): string {
  return `0x${offset.toString(16)}`;
}
