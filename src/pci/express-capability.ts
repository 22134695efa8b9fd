import { readU16, readU32 } from './config-bytes.ts';
import { CapabilityId, findCapability, standardCapabilities } from './capabilities.ts';
import {
  AdvancedFeaturesRegister,
  ExpressRegister,
  advancedFeaturesFunctionLevelReset,
  deviceCapabilitiesFunctionLevelReset,
} from './registers.ts';

/** Device/port types. Source: PCI Express Base Specification, "PCI Express Capabilities Register". */
export const ExpressPortType = {
  endpoint: 0,
  legacyEndpoint: 1,
  rootPort: 4,
  upstreamSwitchPort: 5,
  downstreamSwitchPort: 6,
  pcieToPciBridge: 7,
  pciToPcieBridge: 8,
  rootComplexEndpoint: 9,
  rootComplexEventCollector: 10,
} as const;
export type ExpressPortType = (typeof ExpressPortType)[keyof typeof ExpressPortType];

export interface ExpressCapability {
  readonly offset: number;
  readonly version: number;
  /** One of {@link ExpressPortType}, or a reserved number. */
  readonly portType: number;
  readonly functionLevelReset: boolean;
  /** As the link stands now; undefined for functions without a link of their own. */
  readonly link: ExpressLink | undefined;
}

export interface ExpressLink {
  /** GT/s, undefined for a code this table doesn't know. */
  readonly speedGtPerSecond: number | undefined;
  /** Lanes; 0 while there is no link. */
  readonly width: number;
  readonly maxSpeedGtPerSecond: number | undefined;
  readonly maxWidth: number;
}

const linkSpeeds: readonly (number | undefined)[] = [undefined, 2.5, 5, 8, 16, 32, 64];

export function decodeExpressCapability(config: Uint8Array): ExpressCapability | undefined {
  const capability = findCapability(standardCapabilities(config), CapabilityId.pciExpress);
  if (capability === undefined) return undefined;
  const { offset } = capability;
  // Root complex endpoints of version 1 may end behind the device registers (12 bytes).
  if (offset + 12 > Math.min(config.length, 256)) return undefined;
  const flags = readU16(config, offset + ExpressRegister.capabilities);
  const portType = (flags >>> 4) & 0xf;
  const deviceCapabilities = readU32(config, offset + ExpressRegister.deviceCapabilities);
  return {
    offset,
    version: flags & 0xf,
    portType,
    functionLevelReset: (deviceCapabilities & deviceCapabilitiesFunctionLevelReset) !== 0,
    link: hasLink(portType) && offset + 20 <= Math.min(config.length, 256) ? decodeLink(config, offset) : undefined,
  };
}

/** Whether the function has a function-level reset, by the PCI Express or the Advanced Features capability. */
export function hasFunctionLevelReset(config: Uint8Array): boolean {
  if (decodeExpressCapability(config)?.functionLevelReset === true) return true;
  const advanced = findCapability(standardCapabilities(config), CapabilityId.advancedFeatures);
  if (advanced === undefined || advanced.offset + 6 > config.length) return false;
  const capabilities = config[advanced.offset + AdvancedFeaturesRegister.capabilities] ?? 0;
  return (capabilities & advancedFeaturesFunctionLevelReset) !== 0;
}

function hasLink(portType: number): boolean {
  return portType !== ExpressPortType.rootComplexEndpoint && portType !== ExpressPortType.rootComplexEventCollector;
}

function decodeLink(config: Uint8Array, offset: number): ExpressLink {
  const capabilities = readU32(config, offset + ExpressRegister.linkCapabilities);
  const status = readU16(config, offset + ExpressRegister.linkStatus);
  return {
    speedGtPerSecond: linkSpeeds[status & 0xf],
    width: (status >>> 4) & 0x3f,
    maxSpeedGtPerSecond: linkSpeeds[capabilities & 0xf],
    maxWidth: (capabilities >>> 4) & 0x3f,
  };
}
