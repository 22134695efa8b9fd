/**
 * Versions of the VMBus protocol, `major << 16 | minor` (Linux 6.1 include/linux/hyperv.h; 6.0: OpenVMM). Older ones (0.13,
 * 1.1) share one interrupt page among all channels; we only make dedicated channels, which begin with 2.4.
 */
export const ProtocolVersion = {
  V2_4: 0x0002_0004,
  V3_0: 0x0003_0000,
  V4_0: 0x0004_0000,
  V4_1: 0x0004_0001,
  V5_0: 0x0005_0000,
  V5_1: 0x0005_0001,
  V5_2: 0x0005_0002,
  V5_3: 0x0005_0003,
  V6_0: 0x0006_0000,
} as const;
export type ProtocolVersion = (typeof ProtocolVersion)[keyof typeof ProtocolVersion];

const VERSIONS: ReadonlySet<number> = new Set(Object.values(ProtocolVersion));

export function isProtocolVersion(version: number): version is ProtocolVersion {
  return VERSIONS.has(version);
}

/** `5.3` for 0x00050003. */
export function formatVersion(version: number): string {
  return `${version >>> 16}.${version & 0xffff}`;
}

/** What each version changed for the host; the first version that has it. */
export const SinceVersion = {
  /** The guest says which VP gets messages; before, VP 0. */
  messageVp: ProtocolVersion.V3_0,
  reservedChannels: ProtocolVersion.V4_0,
  socketConnect: ProtocolVersion.V4_0,
  modifyChannel: ProtocolVersion.V4_1,
  /** INITIATE_CONTACT names a SINT, and its response a connection id. */
  contactSint: ProtocolVersion.V5_0,
  contactVtl: ProtocolVersion.V5_1,
  modifyChannelResponse: ProtocolVersion.V5_3,
  featureFlags: ProtocolVersion.V6_0,
} as const;

/** Feature flags of protocol 6.0 (OpenVMM vmbus_core/src/protocol.rs). */
export const FeatureFlag = {
  guestSpecifiedSignalParameters: 0x01,
  channelInterruptRedirection: 0x02,
  modifyConnection: 0x04,
  clientId: 0x08,
  confidentialChannels: 0x10,
  pauseResume: 0x20,
  serverSpecifiedMonitorPages: 0x40,
  offerPinning: 0x80,
} as const;

/** The rest would add messages and states that no guest of ours needs. */
export const SUPPORTED_FEATURES: number = FeatureFlag.clientId;
