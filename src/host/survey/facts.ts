import type { HostInventory, PlacedFunction } from '../inventory/host-function.ts';
import type { DismountRecord, ProcessMark, StuckAct } from '../moves/record.ts';
import type { HostUsage } from '../usage/function-usage.ts';

/** What every plan is made from. */
export interface PlanFacts {
  readonly inventory: Pick<HostInventory, 'groups' | 'drivers'> & {
    readonly functions: ReadonlyMap<string, PlacedFunction>;
  };
  readonly usage: HostUsage;
  /** What dda dismounted, by function name. */
  readonly records: ReadonlyMap<string, DismountRecord>;
  /** Acts that didn't end in time, by function name. */
  readonly stuckActs: ReadonlyMap<string, StuckAct>;
  /** Whether that very process still runs. */
  readonly isAlive: (mark: ProcessMark) => boolean;
}

/** All that a verdict is made from. Plain data, so it can come from another machine. */
export interface HostFacts extends PlanFacts {
  readonly inventory: HostInventory;
}

/** What a plan needs beyond that. */
export type MoveFacts<Facts extends PlanFacts = HostFacts> = Facts & {
  /** By function name: the only driver that the kernel may give it to; undefined: any that matches. */
  readonly overrides: ReadonlyMap<string, string | undefined>;
};
