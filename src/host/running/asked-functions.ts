import type { HostFunction, HostInventory } from '../inventory/host-function.ts';
import { readInventory } from '../inventory/inventory.ts';
import type { Host } from '../moves/host-facts.ts';
import { canonicalName } from '../moves/move.ts';
import { findFunction } from '../moves/refusals.ts';

/**
 * The functions that are meant, each once, and all others of this host. Throws PciAddressError and HostError
 * `no-such-function`.
 */
export function askedFunctions(
  host: Host,
  addresses: readonly string[],
): { readonly asked: readonly HostFunction[]; readonly inventory: HostInventory } {
  const names = new Set(addresses.map(canonicalName));
  const inventory = readInventory(host.tree, host.ids);
  return { asked: [...names].map((name) => findFunction(inventory, `lend ${name}`, name)), inventory };
}
