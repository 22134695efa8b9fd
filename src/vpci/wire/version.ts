/** Versions of the protocol that the provider speaks (Linux 6.1 drivers/pci/controller/pci-hyperv.c, enum pci_protocol_version_t). */
export const VpciVersion = {
  /** Windows 10: interrupts are created and deleted at any time. */
  V1_1: 0x0001_0001,
  /** Windows 10 1607: forms that list up to 32 VPs; retargeting by VP set. */
  V1_2: 0x0001_0002,
  /** Windows 10 2004: bus relations with a NUMA node. */
  V1_3: 0x0001_0003,
  /** Windows Server 2022: vectors of 32 bits. */
  V1_4: 0x0001_0004,
} as const;
export type VpciVersion = (typeof VpciVersion)[keyof typeof VpciVersion];

const VERSIONS: readonly VpciVersion[] = Object.values(VpciVersion);

/** The version that a guest's number names, if the provider speaks it. */
export function knownVersion(value: number): VpciVersion | undefined {
  return VERSIONS.find((version) => version === value);
}

/** `1.4` */
export function formatVersion(version: number): string {
  return `${version >>> 16}.${version & 0xffff}`;
}

/** Reads `1.1` … `1.4`; undefined for anything else. */
export function parseVersion(text: string): VpciVersion | undefined {
  return VERSIONS.find((version) => formatVersion(version) === text);
}
