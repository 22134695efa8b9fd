import { CapabilityId, ExtendedCapabilityId, extendedCapabilities, standardCapabilities } from '../../pci/index.ts';

const headerBytes = 64;

/** What the survey looks at in each capability, counted from its start; of all others only the two or four bytes that link them. */
const standardLengths: Readonly<Record<number, number>> = {
  [CapabilityId.powerManagement]: 8,
  [CapabilityId.msi]: 4,
  [CapabilityId.msix]: 12,
  [CapabilityId.pciExpress]: 20,
  [CapabilityId.advancedFeatures]: 6,
};
const extendedLengths: Readonly<Record<number, number>> = {
  [ExtendedCapabilityId.accessControlServices]: 8,
};
const standardLink = 2;
const extendedLink = 4;

/**
 * A configuration space with zeros wherever the survey doesn't look: serial numbers (of which network cards make their MAC address),
 * product data, what firmware and drivers left in vendor-specific registers.
 */
export function redactConfig(config: Uint8Array): Uint8Array {
  const kept = new Uint8Array(config.length);
  function keep(start: number, length: number): void {
    kept.set(config.subarray(start, start + length), start);
  }
  keep(0, headerBytes);
  for (const { id, offset } of standardCapabilities(config).capabilities) {
    keep(offset, standardLengths[id] ?? standardLink);
  }
  for (const { id, offset } of extendedCapabilities(config).capabilities) {
    keep(offset, extendedLengths[id] ?? extendedLink);
  }
  return kept;
}
