import type { HostErrorCode } from '../errors.ts';
import { pciDevicesPath, pciDriversPath } from '../inventory/inventory.ts';
import { isVfioDriver } from '../inventory/host-function.ts';
import { baseName } from '../tree/host-tree.ts';
import type { Host } from './host-facts.ts';
import type { ActOutcome } from './ports.ts';
import { processStartTicks } from './process-mark.ts';
import type { DriverIs, MovePlan, Step } from './step.ts';

/** Why a step didn't do what it was for. */
export interface StepFailure {
  readonly code: HostErrorCode;
  /** A whole sentence that may stand after a colon. */
  readonly obstacle: string;
  readonly remedy: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** The act goes on in the kernel; nothing else may be tried on that function. */
  readonly stuck: boolean;
}

const nodeWaitMs = 2_000;
const nodePollMs = 20;
/** An empty line clears it. Source: Linux drivers/base/driver.c, driver_set_override. */
const noOverride = '\n';

/** Does one step, looking first whether there is still anything to do. Undefined: done. */
export async function runStep(
  host: Host,
  verb: MovePlan['verb'],
  step: Step,
  deadlineMs: number,
): Promise<StepFailure | undefined> {
  const path = `${pciDevicesPath}/${step.function}`;
  switch (step.act) {
    case 'remember':
      host.records.write(step.record);
      return undefined;
    case 'forget':
      host.records.remove(step.function);
      return undefined;
    case 'load-module':
      return loadModule(host, step, deadlineMs);
    case 'override':
      return judge(
        host,
        step,
        await host.actions.write(`${path}/driver_override`, step.driver ?? noOverride, deadlineMs),
      );
    case 'unbind':
      return unbind(host, step, deadlineMs);
    case 'bind':
      return bind(host, step, deadlineMs);
    case 'check-unclaimed':
      return checkUnclaimed(host, step);
    case 'check-driver': {
      const driver = currentDriver(host, step.function);
      if (matches(driver, step.expected)) return undefined;
      const remedy =
        verb === 'mount'
          ? `Look at what the driver said in dmesg. If ${driver ?? 'no driver'} takes it by an id list of its own, remove the id there.`
          : 'Look at what the drivers said in dmesg.';
      return failed(`${driver === undefined ? 'no driver took it' : `${driver} has it`}.`, remedy, { driver });
    }
    case 'check-node':
      return checkNode(host, step);
  }
}

export function currentDriver(host: Host, name: string): string | undefined {
  const link = host.tree.link(`${pciDevicesPath}/${name}/driver`);
  return link === undefined ? undefined : baseName(link);
}

async function loadModule(
  host: Host,
  step: Step & { act: 'load-module' },
  deadlineMs: number,
): Promise<StepFailure | undefined> {
  const outcome = await host.actions.loadModule(step.module, deadlineMs);
  if (outcome.outcome === 'done' || step.optional) return undefined;
  return {
    code: 'vfio-missing',
    obstacle: `the kernel module ${step.module} could not be loaded${outcome.outcome === 'failed' ? ` (${outcome.text})` : ''}.`,
    remedy: `Use a kernel with ${step.module} (Debian's ordinary ones have it), or load it by hand: modprobe ${step.module}`,
    details: { module: step.module },
    stuck: false,
  };
}

async function unbind(
  host: Host,
  step: Step & { act: 'unbind' },
  deadlineMs: number,
): Promise<StepFailure | undefined> {
  const driver = currentDriver(host, step.function);
  if (driver === undefined || !matches(driver, step.from)) return undefined;
  const path = `${pciDriversPath}/${driver}/unbind`;
  if (step.guardNode === undefined) return judge(host, step, await host.actions.write(path, step.function, deadlineMs));
  // Whoever opened the node between the plan and now would make the kernel wait for them: keep it until the driver has let go.
  const claim = host.actions.claimGroupNode(step.guardNode);
  if (claim.state === 'held') {
    return {
      code: 'function-held',
      obstacle: `a process has ${step.guardNode} open, and taking ${step.function} from under a holder would block the kernel.`,
      remedy: 'Eject it from that VM or end the process, then ask again.',
      details: { node: step.guardNode },
      stuck: false,
    };
  }
  try {
    return judge(host, step, await host.actions.write(path, step.function, deadlineMs));
  } finally {
    if (claim.state === 'free') claim.release();
  }
}

async function bind(host: Host, step: Step & { act: 'bind' }, deadlineMs: number): Promise<StepFailure | undefined> {
  if (currentDriver(host, step.function) !== undefined) return undefined;
  const named = step.driver === undefined ? undefined : `${pciDriversPath}/${step.driver}`;
  if (named !== undefined && host.tree.exists(named)) {
    // Unlike drivers_probe, this says why a driver doesn't want the function.
    return judge(host, step, await host.actions.write(`${named}/bind`, step.function, deadlineMs));
  }
  return judge(host, step, await host.actions.write('/sys/bus/pci/drivers_probe', step.function, deadlineMs));
}

function checkUnclaimed(host: Host, step: Step & { act: 'check-unclaimed' }): StepFailure | undefined {
  if (host.actions.isBlockDeviceClaimed(step.blockNode) !== true) return undefined;
  return {
    code: 'function-in-use',
    obstacle: `the kernel has ${step.blockNode} claimed for something that can't be seen from here: a file system mounted in a container, ZFS, or the like.`,
    remedy: `End that use first, or use --force, knowing that what is on ${step.blockNode} would be lost to it.`,
    details: { node: step.blockNode },
    stuck: false,
  };
}

async function checkNode(host: Host, step: Step & { act: 'check-node' }): Promise<StepFailure | undefined> {
  for (let waitedMs = 0; waitedMs <= nodeWaitMs; waitedMs += nodePollMs) {
    if (host.tree.exists(step.node)) return undefined;
    await host.sleep(nodePollMs);
  }
  return failed(`${step.node} did not appear within ${nodeWaitMs / 1000} s.`, 'Look at what vfio-pci said in dmesg.', {
    node: step.node,
  });
}

function matches(driver: string | undefined, expected: DriverIs): boolean {
  switch (expected.is) {
    case 'named':
      return driver === expected.driver;
    case 'vfio':
      return isVfioDriver(driver);
    case 'host':
      return driver !== undefined && !isVfioDriver(driver);
    case 'home':
      return !isVfioDriver(driver);
  }
}

/** Turns the outcome of an act into a failure, and marks a function whose act is stuck. */
export function judge(
  host: Host,
  step: Pick<Step, 'function' | 'intent'>,
  outcome: ActOutcome,
): StepFailure | undefined {
  if (outcome.outcome === 'done') return undefined;
  if (outcome.outcome === 'failed') {
    if (outcome.code === 'EACCES' || outcome.code === 'EPERM') {
      return {
        code: 'not-permitted',
        obstacle: 'moving functions between drivers takes root.',
        remedy: 'Run it as root: sudo dda …',
        details: {},
        stuck: false,
      };
    }
    return failed(`the kernel answered "${outcome.text}".`, 'Look at what the driver said in dmesg.', {
      errno: outcome.code,
    });
  }
  const { processId } = outcome;
  const startTicks = processStartTicks(host.tree, processId);
  // Without a start time it has ended after all, just now: there is nothing left to mark.
  if (startTicks !== undefined) {
    host.records.writeStuck({ function: step.function, processId, startTicks, intent: step.intent });
  }
  return {
    code: 'driver-change-stuck',
    obstacle: `the kernel has not finished it after ${outcome.afterMs / 1000} s, and goes on by itself (process ${processId}).`,
    remedy: `Nothing else waits for it. End whoever holds ${step.function}, look into dmesg, then see where it stands: dda survey ${step.function}`,
    details: { processId, afterMs: outcome.afterMs },
    stuck: true,
  };
}

function failed(obstacle: string, remedy: string, details: Record<string, unknown>): StepFailure {
  return { code: 'driver-change-failed', obstacle, remedy, details, stuck: false };
}
