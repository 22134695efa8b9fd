import type { HostFunction } from '../inventory/host-function.ts';
import { usageOf } from '../usage/function-usage.ts';
import { groupMates } from './group-mates.ts';
import { Weight } from './reason.ts';
import type { Reason } from './reason.ts';
import type { HostFacts } from './facts.ts';

/** A group can be as large as a machine. */
const namedMates = 16;

/** What the IOMMU and the function's group say. */
export function iommuReasons(facts: HostFacts, fn: HostFunction): Reason[] {
  const { groups } = facts.inventory;
  if (groups.size === 0) {
    return [
      {
        code: 'no-iommu',
        weight: Weight.blocks,
        sentence:
          'This host runs without an IOMMU: nothing would keep the function out of memory that is not for the guest.',
        remedy:
          'Turn on VT-d or AMD-Vi in the firmware; on Intel also start the kernel with intel_iommu=on. "dda check" says more.',
      },
    ];
  }
  const group = fn.iommuGroup === undefined ? undefined : groups.get(fn.iommuGroup);
  if (group === undefined) {
    return [
      {
        code: 'no-iommu-group',
        weight: Weight.blocks,
        sentence: 'It is in no IOMMU group: this host has an IOMMU, but none that covers this function.',
        remedy:
          'Put the device into another slot, or look for a firmware setting that brings its root port under the IOMMU.',
      },
    ];
  }
  const reasons: Reason[] = [];
  if (group.withoutIommu) {
    reasons.push({
      code: 'iommu-bypassed',
      weight: Weight.blocks,
      sentence: `Its group ${group.number} was made by VFIO's no-IOMMU mode: nothing confines its DMA.`,
      remedy: 'Turn the IOMMU on, and enable_unsafe_noiommu_mode of the module vfio off.',
    });
  }
  const firmware = group.reservedRegions.filter((region) => region.type === 'direct');
  if (firmware.length > 0) {
    reasons.push({
      code: 'reserved-memory',
      weight: Weight.blocks,
      sentence: `Firmware goes on reaching memory through its group (${firmware.map(hexRange).join(', ')}), and the kernel lends no such group.`,
      remedy: 'Look for a firmware setting (often "shared memory" or "RMRR" of the slot) that ends it.',
    });
  }
  return [...reasons, ...mateReasons(facts, fn)];
}

function mateReasons(facts: HostFacts, fn: HostFunction): Reason[] {
  const { movable, fixed } = groupMates(facts.inventory, fn);
  const inUse = movable.filter((mate) => usageOf(facts.usage, mate.name).uses.some((use) => use.needed));
  if (fixed.length > 0 || inUse.length > 0) {
    const names = [...fixed, ...inUse.map((mate) => mate.name)];
    return [
      {
        code: 'group-mate-in-use',
        weight: Weight.blocks,
        sentence: `Its IOMMU group ${fn.iommuGroup} also holds ${some(names)}, which the host needs; a group can only be lent whole.`,
        remedy: 'Put the device into a slot of its own (a root port with ACS), or end the use of the others.',
      },
    ];
  }
  if (movable.length === 0) return [];
  const names = movable.map((mate) => mate.name);
  return [
    {
      code: 'group-mates',
      weight: Weight.risk,
      sentence: `Its IOMMU group ${fn.iommuGroup} also holds ${some(names)}: they must be dismounted with it, and only one VM can have them all.`,
      remedy:
        names.length > namedMates
          ? 'Dismount them all together.'
          : `Dismount them together: dda dismount ${[fn.name, ...names].toSorted().join(' ')}`,
    },
  ];
}

/** The group's own listing has them all. */
function some(names: readonly string[]): string {
  const more = names.length - namedMates;
  return more > 0 ? `${names.slice(0, namedMates).join(', ')} and ${more} more` : names.join(', ');
}

function hexRange(region: { start: bigint; end: bigint }): string {
  return `0x${region.start.toString(16)}-0x${region.end.toString(16)}`;
}
