import type { PciIds } from '../../pci/index.ts';
import { readInventory } from '../inventory/inventory.ts';
import type { HostFacts } from '../survey/facts.ts';
import type { HostTree } from '../tree/host-tree.ts';
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

/** Everything that a verdict or a plan is made from, as it is at this moment. `only`: of the functions, just these. */
export function readFacts(host: Host, only?: ReadonlySet<string>): HostFacts {
  const inventory = readInventory(host.tree, host.ids, only);
  return {
    inventory,
    usage: readUsage(host.tree, inventory),
    records: host.records.list(),
    stuckActs: host.records.listStuck(),
    isAlive: (mark) => isProcessAlive(host.tree, mark),
  };
}
