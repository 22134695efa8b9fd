import type { HostInventory } from '../inventory/host-function.ts';
import type { DismountRecord, ProcessMark, StuckAct } from '../moves/record.ts';
import type { HostUsage } from '../usage/function-usage.ts';

/** All that a verdict or a plan is made from. Plain data, so it can come from another machine. */
export interface HostFacts {
  readonly inventory: HostInventory;
  readonly usage: HostUsage;
  /** What dda dismounted, by function name. */
  readonly records: ReadonlyMap<string, DismountRecord>;
  /** Acts that didn't end in time, by function name. */
  readonly stuckActs: ReadonlyMap<string, StuckAct>;
  /** Whether that very process still runs. */
  readonly isAlive: (mark: ProcessMark) => boolean;
}

/** What a plan needs beyond that. */
export interface MoveFacts extends HostFacts {
  /** By function name: the only driver that the kernel may give it to; undefined: any that matches. */
  readonly overrides: ReadonlyMap<string, string | undefined>;
}
