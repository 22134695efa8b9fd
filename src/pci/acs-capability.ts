import { readU16 } from './config-bytes.ts';
import { ExtendedCapabilityId, extendedCapabilities, findCapability } from './capabilities.ts';

/**
 * Access Control Services: what a port does with requests of the functions below it. Source: PCI Express Base Specification,
 * "ACS Extended Capability"; Linux include/uapi/linux/pci_regs.h has the same bits.
 */
export const AcsBit = {
  sourceValidation: 0x0001,
  translationBlocking: 0x0002,
  requestRedirect: 0x0004,
  completionRedirect: 0x0008,
  upstreamForwarding: 0x0010,
  egressControl: 0x0020,
  directTranslated: 0x0040,
} as const;

/** What it takes so that requests between two functions pass the IOMMU: Linux builds its groups on these four. */
export const acsIsolation =
  AcsBit.sourceValidation | AcsBit.requestRedirect | AcsBit.completionRedirect | AcsBit.upstreamForwarding;

/** Offsets in the capability. */
const AcsRegister = { capabilities: 4, control: 6 } as const;

export interface AcsCapability {
  /** What the hardware can do; bits of {@link AcsBit}. */
  readonly supported: number;
  /** What is turned on. */
  readonly enabled: number;
}

/** Undefined: the function has no such capability, or the area where it would be was not read. */
export function decodeAcsCapability(config: Uint8Array): AcsCapability | undefined {
  const capability = findCapability(extendedCapabilities(config), ExtendedCapabilityId.accessControlServices);
  if (capability === undefined || capability.offset + 8 > config.length) return undefined;
  return {
    supported: readU16(config, capability.offset + AcsRegister.capabilities),
    enabled: readU16(config, capability.offset + AcsRegister.control),
  };
}
