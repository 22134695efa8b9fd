import { HostError } from '../errors.ts';
import { defaultActDeadlineMs } from '../moves/execute.ts';
import { readFactsInTurns } from '../moves/host-facts.ts';
import type { Host } from '../moves/host-facts.ts';
import { canonicalName, lockGroups } from '../moves/move.ts';
import { executeVfPlan } from './execute-vf-plan.ts';
import type { VfOptions, VfStepTime } from './execute-vf-plan.ts';
import type { NvmeControllers } from './nvme-shares.ts';
import { findPhysicalFunction, refuseAway } from './physical-function.ts';
import type { PhysicalFunction } from './physical-function.ts';
import { planCreate } from './plan-create.ts';
import type { VirtualFunctionsTo } from './plan-create.ts';
import { readNvmeControllers } from './read-nvme.ts';
import { reportOf } from './read-virtual-functions.ts';
import type { VirtualFunctionsReport } from './read-virtual-functions.ts';
import { restoreAutoprobe } from './restore-autoprobe.ts';
import type { VirtualFunctionSettings } from './settings.ts';

export interface CreateRequest {
  readonly physicalFunction: string;
  readonly count: number;
  /** In the order of the functions; what is left out is left to the device, or shared out evenly. */
  readonly perFunction?: readonly VirtualFunctionSettings[];
  /** Default `pool`. */
  readonly to?: VirtualFunctionsTo;
}

export interface CreateReport extends VirtualFunctionsReport {
  readonly warnings: readonly string[];
  readonly steps: readonly VfStepTime[];
}

/**
 * Creates virtual functions, sets each up before any driver has it, and hands them to the pool or to the host. When something
 * fails, none is left. Throws HostError.
 */
export async function createVirtualFunctions(
  host: Host,
  request: CreateRequest,
  options: VfOptions = {},
): Promise<CreateReport> {
  const name = canonicalName(request.physicalFunction);
  const asked = `create ${request.count} virtual functions of ${name}`;
  const deadlineMs = options.actDeadlineMs ?? defaultActDeadlineMs;
  const unlock = lockGroups(host, asked, [name]);
  try {
    // Read under the lock: no other dda moves the physical function any more.
    let physical = findPhysicalFunction(host.tree, await readFactsInTurns(host), asked, name);
    if (await restoreAutoprobe(host, asked, name, deadlineMs)) {
      physical = findPhysicalFunction(host.tree, await readFactsInTurns(host), asked, name);
    }
    refuseAway(asked, physical);
    const controllers = await controllersOf(host, asked, physical, deadlineMs);
    const { count, perFunction = [], to = 'pool' } = request;
    const plan = planCreate(asked, physical, controllers, { count, perFunction, to });
    host.records.removeStuck(name);
    const steps = await executeVfPlan(host, asked, plan, deadlineMs, options.onStep);
    const facts = await readFactsInTurns(host);
    const report = await reportOf(host, facts, findPhysicalFunction(host.tree, facts, asked, name), deadlineMs);
    if (!report.ok) throw failed(asked, report.failure);
    return { ...report.value, warnings: plan.warnings, steps };
  } finally {
    unlock();
  }
}

/** Undefined: nothing is assigned. Throws HostError. */
export async function controllersOf(
  host: Host,
  asked: string,
  { fn, setup }: PhysicalFunction,
  deadlineMs: number,
): Promise<NvmeControllers | undefined> {
  if (setup.kind !== 'nvme') return undefined;
  const read = await readNvmeControllers(host, fn.name, setup, deadlineMs);
  if (!read.ok) throw failed(asked, read.failure);
  return read.value;
}

function failed(
  asked: string,
  { code, obstacle, remedy, details }: Pick<HostError, 'code' | 'obstacle' | 'remedy' | 'details'>,
): HostError {
  return new HostError(code, { asked, obstacle, remedy, details });
}
