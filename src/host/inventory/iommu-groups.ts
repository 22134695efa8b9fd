import { baseName, parseNumber } from '../tree/host-tree.ts';
import type { HostTree } from '../tree/host-tree.ts';

/** Functions whose DMA the IOMMU can't tell apart: they can only be lent to one VM together. */
export interface IommuGroup {
  readonly number: number;
  /** Device names as in sysfs: PCI addresses, and seldom other devices. */
  readonly members: readonly string[];
  /** Made by VFIO's no-IOMMU mode: there is a group, but nothing that confines DMA. */
  readonly withoutIommu: boolean;
  readonly reservedRegions: readonly ReservedRegion[];
}

/** Addresses that the IOMMU keeps for itself or for firmware. Source: Linux Documentation/ABI/testing/sysfs-kernel-iommu_groups. */
export interface ReservedRegion {
  readonly start: bigint;
  readonly end: bigint;
  /** `direct` = firmware goes on using it; `direct-relaxable` = only until a driver takes over; `reserved`, `msi`. */
  readonly type: string;
}

export const groupsPath = '/sys/kernel/iommu_groups';

export function readIommuGroups(tree: HostTree): Map<number, IommuGroup> {
  const groups = new Map<number, IommuGroup>();
  for (const name of tree.list(groupsPath)) {
    const number = parseNumber(name);
    if (number === undefined) continue;
    const path = `${groupsPath}/${name}`;
    groups.set(number, {
      number,
      members: tree.list(`${path}/devices`),
      withoutIommu: tree.text(`${path}/name`) === 'vfio-noiommu',
      reservedRegions: parseReservedRegions(tree.text(`${path}/reserved_regions`) ?? ''),
    });
  }
  return groups;
}

/** The number of the group that a device is in. */
export function groupNumber(tree: HostTree, devicePath: string): number | undefined {
  const link = tree.link(`${devicePath}/iommu_group`);
  return link === undefined ? undefined : parseNumber(baseName(link));
}

function parseReservedRegions(text: string): ReservedRegion[] {
  const regions: ReservedRegion[] = [];
  for (const line of text.split('\n')) {
    const fields = /^(0x[0-9a-f]+) (0x[0-9a-f]+) (\S+)$/i.exec(line.trim());
    if (fields === null) continue;
    regions.push({ start: BigInt(fields[1] ?? 0), end: BigInt(fields[2] ?? 0), type: fields[3] ?? '' });
  }
  return regions;
}
