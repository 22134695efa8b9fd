import type { PciIds } from '../../pci/index.ts';
import type { PlacedFunction } from '../inventory/host-function.ts';
import { groupsPath, readIommuGroups } from '../inventory/iommu-groups.ts';
import { inventorySteps, pciDriversPath, readPlacedFunction } from '../inventory/inventory.ts';
import type { HostFacts, PlanFacts } from '../survey/facts.ts';
import type { HostTree } from '../tree/host-tree.ts';
import { NarrowTree } from '../tree/narrow-tree.ts';
import { finish, finishInTurns, type Steps } from '../tree/steps.ts';
import { usageSteps } from '../usage/usage.ts';
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
  return finish(factsSteps(host));
}

/**
 * As {@link readFacts}, with the event loop going on meanwhile: on a large host it takes most of a second, and a guest or other requests may
 * depend on that loop. What changes meanwhile is seen or isn't.
 */
export function readFactsInTurns(host: Host): Promise<HostFacts> {
  return finishInTurns(factsSteps(host));
}

function* factsSteps(host: Host): Steps<HostFacts> {
  const inventory = yield* inventorySteps(host.tree, host.ids);
  return {
    inventory,
    usage: yield* usageSteps(host.tree, inventory),
    records: host.records.list(),
    stuckActs: host.records.listStuck(),
    isAlive: (mark) => isProcessAlive(host.tree, mark),
  };
}

/**
 * What a mount of a few functions is made from: of those alone, without what the host uses them for and what only tells people what
 * they are, for functions of which the caller knows that nobody has them. Whoever wants them back waits for this, so that it reads
 * what it must and no more.
 */
export function readMountFacts(host: Host, names: readonly string[]): PlanFacts {
  const { tree, records } = host;
  const functions = new Map<string, PlacedFunction>();
  for (const name of names) {
    const fn = readPlacedFunction(tree, name);
    if (fn !== undefined) functions.set(name, fn);
  }
  const groups = new Set([...functions.values()].flatMap(({ iommuGroup }) => iommuGroup ?? []).map(String));
  return {
    inventory: {
      functions,
      groups: readIommuGroups(new NarrowTree(tree, new Map([[groupsPath, [...groups]]]))),
      drivers: new Set(tree.list(pciDriversPath)),
    },
    usage: { functions: new Map(), hiddenProcesses: 0 },
    records: new Map(names.flatMap((name) => records.get(name) ?? []).map((record) => [record.function, record])),
    stuckActs: records.listStuck(),
    isAlive: (mark) => isProcessAlive(tree, mark),
  };
}
