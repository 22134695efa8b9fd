import type { PciIds } from '../../pci/index.ts';
import { readInventory } from '../inventory/inventory.ts';
import type { HostTree } from '../tree/host-tree.ts';
import { readUsage } from '../usage/usage.ts';
import type { HostFacts } from './facts.ts';

/** What the survey needs of a machine that is only read, not worked on: dda's own records are no part of its tree. */
export function surveyTree(tree: HostTree, ids: PciIds): HostFacts {
  const inventory = readInventory(tree, ids);
  return {
    inventory,
    usage: readUsage(tree, inventory),
    records: new Map(),
    stuckActs: new Map(),
    isAlive: () => false,
  };
}
