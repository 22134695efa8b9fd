import type { HostFunction, HostInventory } from '../inventory/host-function.ts';
import { acsPath } from './acs-path.ts';
import { Weight } from './reason.ts';
import type { Reason } from './reason.ts';

/**
 * Why the IOMMU group is as it is. The kernel's groups say what can be lent; these reasons say whether hardware stands behind
 * them, and what keeps functions together.
 */
export function acsReasons(inventory: HostInventory, fn: HostFunction): Reason[] {
  const group = fn.iommuGroup === undefined ? undefined : inventory.groups.get(fn.iommuGroup);
  if (group === undefined) return [];
  const lacking = acsPath(inventory, fn).filter((hop) => hop.state === 'off' || hop.state === 'none');
  const members = new Set(group.members);
  const reasons: Reason[] = [];
  const inside = lacking.filter((hop) => members.has(hop.port));
  const [first] = inside;
  if (first !== undefined) {
    const off = inside.every((hop) => hop.state === 'off');
    reasons.push({
      code: 'no-acs',
      weight: Weight.note,
      sentence: `${list(inside.map((hop) => hop.port))} above it ${off ? 'has ACS turned off' : 'has no ACS'}: functions below can reach each other past the IOMMU, so all of them are one group.`,
      remedy: off
        ? 'Look for an "ACS" setting in the firmware, and for disable_acs_redir on the kernel command line.'
        : 'Put the device into another slot; those that the processor itself serves mostly have ACS.',
    });
  }
  const outside = lacking.filter((hop) => !members.has(hop.port)).map((hop) => hop.port);
  if (outside.length > 0) reasons.push(splitReason(inventory, outside));
  return [...reasons, ...siblingReasons(inventory, fn, members)];
}

/** A group that ends below a port without ACS: somebody vouches for the port, or a parameter pretends. */
function splitReason({ platform }: HostInventory, ports: readonly string[]): Reason {
  const override = platform.parameters.find((word) => word.startsWith('pcie_acs_override'));
  if (override === undefined) {
    return {
      code: 'acs-by-model',
      weight: Weight.note,
      sentence: `${list(ports)} above it shows no ACS, but the kernel knows that this model keeps what is below it apart.`,
      remedy: undefined,
    };
  }
  return {
    code: 'acs-overridden',
    weight: Weight.risk,
    sentence: `${list(ports)} above it has no ACS. Its group is separate only because of ${override} on the kernel command line: its guest may reach other devices below that port past the IOMMU, and they it.`,
    remedy: 'Start the kernel without that parameter to see the true groups, or use a slot whose port has ACS.',
  };
}

function siblingReasons(inventory: HostInventory, fn: HostFunction, members: ReadonlySet<string>): Reason[] {
  if (fn.sriov.physicalFunction !== undefined) return [];
  if (fn.capabilities === undefined || fn.capabilities.acs !== undefined) return [];
  const device = fn.name.slice(0, fn.name.lastIndexOf('.'));
  const siblings: string[] = [];
  for (let number = 0; number < 8; number += 1) {
    const name = `${device}.${number}`;
    if (name !== fn.name && members.has(name) && inventory.functions.has(name)) siblings.push(name);
  }
  if (siblings.length === 0) return [];
  return [
    {
      code: 'shared-device',
      weight: Weight.note,
      sentence: `It is one device with ${list(siblings)}, and nothing in the device keeps its functions apart.`,
      remedy: undefined,
    },
  ];
}

function list(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
