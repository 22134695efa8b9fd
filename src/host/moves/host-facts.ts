import type { PciIds } from '../../pci/index.ts';
import { groupNumber, groupsPath } from '../inventory/iommu-groups.ts';
import { pciDevicesPath, readInventory } from '../inventory/inventory.ts';
import type { HostFacts } from '../survey/facts.ts';
import type { HostTree } from '../tree/host-tree.ts';
import { NarrowTree } from '../tree/narrow-tree.ts';
import { readUsage } from '../usage/usage.ts';
import { isProcessAlive } from './process-mark.ts';
import type { KernelActions, LockOwner, RecordStore } from './ports.ts';

/** A host: what can be read of it, done to it, and what dda remembers of it. */
export interface Host {
  readonly tree: HostTree;
  readonly ids: PciIds;
  readonly actions: KernelActions;
  readonly records: RecordStore;
  /** The process that moves functions. */
  readonly self: LockOwner;
  readonly now: () => Date;
  readonly sleep: (ms: number) => Promise<void>;
}

/** Everything that a verdict or a plan is made from, as it is at this moment. */
export function readFacts(host: Host): HostFacts {
  const inventory = readInventory(host.tree, host.ids);
  return {
    inventory,
    usage: readUsage(host.tree, inventory),
    records: host.records.list(),
    stuckActs: host.records.listStuck(),
    isAlive: (mark) => isProcessAlive(host.tree, mark),
  };
}

/**
 * The same of a few functions and their IOMMU groups alone, without what the host uses them for: for functions of which the caller
 * knows that nobody does. Its cost doesn't grow with the host.
 */
export function readFactsOf(host: Host, names: readonly string[]): HostFacts {
  const groups = names.flatMap((name) => groupNumber(host.tree, `${pciDevicesPath}/${name}`) ?? []);
  const listings = new Map([
    [pciDevicesPath, names],
    [groupsPath, [...new Set(groups)].map(String)],
  ]);
  const records = names.flatMap((name) => host.records.get(name) ?? []);
  return {
    inventory: readInventory(new NarrowTree(host.tree, listings), host.ids),
    usage: { functions: new Map(), hiddenProcesses: 0 },
    records: new Map(records.map((record) => [record.function, record])),
    stuckActs: host.records.listStuck(),
    isAlive: (mark) => isProcessAlive(host.tree, mark),
  };
}
