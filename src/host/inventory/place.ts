import { locationPath, looksLikePciAddress, parsePciAddress } from '../../pci/index.ts';
import type { PciAddress } from '../../pci/index.ts';
import { parseNumber } from '../tree/host-tree.ts';
import type { HostTree } from '../tree/host-tree.ts';

/** Where a function hangs: the bridges above it, root port first, and the path made of them. */
export interface Place {
  readonly bridges: readonly string[];
  readonly locationPath: string;
}

const rootBus = /^pci([0-9a-f]{4,8}):([0-9a-f]{2})$/i;

/**
 * `devicePath` is the function's canonical directory, such as /sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0. A second
 * root bus further down (Intel VMD) starts the path anew.
 */
export function placeOf(tree: HostTree, devicePath: string): Place {
  const parts = devicePath.split('/');
  const rootIndex = parts.findLastIndex((part) => rootBus.test(part));
  const chain = parts.slice(rootIndex + 1).flatMap((name) => {
    if (!looksLikePciAddress(name)) return [];
    const parsed = parsePciAddress(name);
    return parsed.ok ? [{ name, address: parsed.address }] : [];
  });
  return {
    bridges: chain.slice(0, -1).map((hop) => hop.name),
    locationPath: locationPath(
      rootNumber(tree, parts.slice(0, rootIndex + 1).join('/'), chain[0]?.address),
      chain.map((hop) => hop.address),
    ),
  };
}

/** Windows takes the root bridge's ACPI unique id. Where firmware gives none, segment and bus tell root buses apart. */
function rootNumber(tree: HostTree, rootPath: string, first: PciAddress | undefined): number {
  const uid = parseNumber(tree.text(`${rootPath}/firmware_node/uid`));
  if (uid !== undefined && uid >= 0) return uid;
  return first === undefined ? 0 : first.domain * 0x100 + first.bus;
}
