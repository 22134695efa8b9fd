import { defaultActDeadlineMs } from '../moves/execute.ts';
import { readFactsInTurns } from '../moves/host-facts.ts';
import type { Host } from '../moves/host-facts.ts';
import { canonicalName, lockGroups, mount } from '../moves/move.ts';
import { controllersOf } from './create-virtual-functions.ts';
import { executeVfPlan } from './execute-vf-plan.ts';
import type { VfOptions, VfStepTime } from './execute-vf-plan.ts';
import { findPhysicalFunction, readVirtualFunctionNames } from './physical-function.ts';
import { dismountedAmong, planRemove, refuseLent } from './plan-remove.ts';
import { restoreAutoprobe } from './restore-autoprobe.ts';

export interface RemoveOptions extends VfOptions {
  /** Also those that are dismounted, as long as nobody has them: they leave the pool first. */
  readonly includeDismounted?: boolean;
  /** Even if the host is using one. */
  readonly force?: boolean;
}

export interface RemoveReport {
  readonly physicalFunction: string;
  /** Empty: there was none. */
  readonly removed: readonly string[];
  readonly warnings: readonly string[];
  readonly steps: readonly VfStepTime[];
}

/** Removes all virtual functions of a physical function; none while a VM has one. Throws HostError. */
export async function removeVirtualFunctions(
  host: Host,
  physicalFunction: string,
  options: RemoveOptions = {},
): Promise<RemoveReport> {
  const name = canonicalName(physicalFunction);
  const asked = `remove the virtual functions of ${name}`;
  const deadlineMs = options.actDeadlineMs ?? defaultActDeadlineMs;
  if (options.includeDismounted === true) await leavePool(host, asked, name, deadlineMs);
  const unlock = lockGroups(host, asked, [name, ...readVirtualFunctionNames(host.tree, name)]);
  try {
    // Read under the lock: whoever dismounts or lends one meanwhile is refused, or is seen here.
    const facts = await readFactsInTurns(host);
    const physical = findPhysicalFunction(host.tree, facts, asked, name);
    await restoreAutoprobe(host, asked, name, deadlineMs);
    const controllers =
      physical.virtualFunctions.length === 0 ? undefined : await controllersOf(host, asked, physical, deadlineMs);
    const plan = planRemove(facts, asked, physical, controllers, options.force ?? false);
    host.records.removeStuck(name);
    const steps = await executeVfPlan(host, asked, plan, deadlineMs, options.onStep);
    return { physicalFunction: name, removed: physical.virtualFunctions, warnings: plan.warnings, steps };
  } finally {
    unlock();
  }
}

/** Mounting claims each function's node first: nobody can have it open from then on. */
async function leavePool(host: Host, asked: string, name: string, actDeadlineMs: number): Promise<void> {
  const facts = await readFactsInTurns(host);
  const { virtualFunctions } = findPhysicalFunction(host.tree, facts, asked, name);
  refuseLent(facts, asked, name, virtualFunctions);
  const dismounted = dismountedAmong(facts, virtualFunctions);
  if (dismounted.length > 0) await mount(host, dismounted, { actDeadlineMs });
}
