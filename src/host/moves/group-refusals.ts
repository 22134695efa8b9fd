import { HostError } from '../errors.ts';
import type { HostFunction } from '../inventory/host-function.ts';
import { groupMates } from '../survey/group-mates.ts';
import type { HostFacts } from '../survey/facts.ts';

/** Throws `no-iommu-group`, `reserved-memory` or `group-not-viable`. `leaving`: the functions that are dismounted with it. */
export function refuseGroup(facts: HostFacts, asked: string, fn: HostFunction, leaving: ReadonlySet<string>): void {
  const { groups } = facts.inventory;
  const group = fn.iommuGroup === undefined ? undefined : groups.get(fn.iommuGroup);
  if (group === undefined || group.withoutIommu) {
    throw new HostError('no-iommu-group', {
      asked,
      obstacle:
        groups.size === 0 || group?.withoutIommu === true
          ? 'this host runs without an IOMMU, so nothing would confine its DMA to the guest.'
          : 'it is in no IOMMU group, so nothing would confine its DMA to the guest.',
      remedy:
        'Turn on VT-d or AMD-Vi in the firmware, on Intel start the kernel with intel_iommu=on, and run: dda check',
      details: { function: fn.name, iommuGroups: groups.size },
    });
  }
  const firmware = group.reservedRegions.filter((region) => region.type === 'direct');
  if (firmware.length > 0) {
    const ranges = firmware.map((region) => `0x${region.start.toString(16)}-0x${region.end.toString(16)}`);
    throw new HostError('reserved-memory', {
      asked,
      obstacle: `firmware goes on reaching memory (${ranges.join(', ')}) through its IOMMU group ${group.number}, and the kernel lends no such group.`,
      remedy:
        'Look for a firmware setting that ends it (often named after RMRR or shared memory), or use another device.',
      details: { function: fn.name, group: group.number, ranges },
    });
  }
  const { movable, fixed } = groupMates(facts.inventory, fn, leaving);
  if (movable.length + fixed.length === 0) return;
  const named = [
    ...movable.map((mate) => `${mate.name} (${mate.className}, driver ${mate.driver ?? 'none'})`),
    ...fixed.map((name) => `${name} (${facts.inventory.functions.get(name)?.className ?? 'not a PCI function'})`),
  ];
  const together = [...leaving, ...movable.map((mate) => mate.name)].toSorted().join(' ');
  throw new HostError('group-not-viable', {
    asked,
    obstacle: `its IOMMU group ${group.number} also holds ${named.join(', ')}, and a group can only be lent whole.`,
    remedy:
      fixed.length === 0
        ? `Dismount them together: dda dismount ${together}`
        : 'Put the device into a slot of its own: a root port with ACS gives it its own group.',
    details: { function: fn.name, group: group.number, others: [...movable.map((mate) => mate.name), ...fixed] },
  });
}
