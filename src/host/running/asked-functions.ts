import type { HostFunction } from '../inventory/host-function.ts';
import { readInventory } from '../inventory/inventory.ts';
import type { Host } from '../moves/host-facts.ts';
import { canonicalName } from '../moves/move.ts';
import { findFunction } from '../moves/refusals.ts';

/** The functions that are meant, each once. Throws PciAddressError and HostError `no-such-function`. */
export function askedFunctions(host: Host, addresses: readonly string[]): readonly HostFunction[] {
  const names = new Set(addresses.map(canonicalName));
  // Looking at a whole host takes longer than the rest of a VM's start.
  if (names.size === 0) return [];
  const inventory = readInventory(host.tree, host.ids);
  return [...names].map((name) => findFunction(inventory, `lend ${name}`, name));
}
