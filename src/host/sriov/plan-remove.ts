import { HostError } from '../errors.ts';
import { isVfioDriver } from '../inventory/host-function.ts';
import { refuseInUse } from '../moves/use-refusals.ts';
import type { HostFacts } from '../survey/facts.ts';
import { usageOf } from '../usage/function-usage.ts';
import { releaseCommands } from './nvme-shares.ts';
import type { NvmeControllers } from './nvme-shares.ts';
import type { PhysicalFunction } from './physical-function.ts';
import type { VfPlan, VfStep } from './step.ts';

/** How all virtual functions go. Throws `virtual-functions-lent`, or `function-in-use` unless forced. */
export function planRemove(
  facts: HostFacts,
  asked: string,
  physical: PhysicalFunction,
  controllers: NvmeControllers | undefined,
  force: boolean,
): VfPlan {
  const { fn, setup, virtualFunctions } = physical;
  refuseLent(facts, asked, fn.name, virtualFunctions);
  refuseDismounted(facts, asked, fn.name, virtualFunctions);
  const warnings = virtualFunctions.flatMap((name) => {
    const virtual = facts.inventory.functions.get(name);
    return virtual === undefined ? [] : refuseInUse(facts, asked, virtual, force);
  });
  const steps: VfStep[] = [
    { act: 'count', count: 0, intent: `remove the virtual functions of ${fn.name}`, undo: [] },
    { act: 'check-count', count: 0, intent: `see no virtual function of ${fn.name} any more`, undo: [] },
  ];
  const commands = controllers === undefined ? [] : releaseCommands(controllers);
  if (setup.kind === 'nvme' && commands.length > 0) {
    const intent = `take back the queues and interrupts of the virtual functions of ${fn.name}`;
    steps.push({ act: 'nvme', node: setup.node, commands, optional: true, intent, undo: [] });
  }
  return { physicalFunction: fn.name, steps: virtualFunctions.length === 0 ? [] : steps, warnings };
}

/** Throws `virtual-functions-lent` while a VM has one or is about to: no wish for removal overrides that. */
export function refuseLent(
  facts: HostFacts,
  asked: string,
  physicalFunction: string,
  virtualFunctions: readonly string[],
): void {
  const lent = virtualFunctions.flatMap((name) => {
    const borrower = facts.records.get(name)?.borrower;
    const borrowed =
      borrower !== undefined && facts.isAlive(borrower) ? [`process ${borrower.processId} (${borrower.command})`] : [];
    const holders = usageOf(facts.usage, name).vfioHolders.map(
      (each) => `process ${each.processId} (${each.processName})`,
    );
    const by = [...new Set([...borrowed, ...holders])];
    return by.length === 0 ? [] : [{ name, by: by.join(' and ') }];
  });
  if (lent.length === 0) return;
  throw new HostError('virtual-functions-lent', {
    asked,
    obstacle: `${lent.map(({ name, by }) => `${by} has ${name}`).join(', ')}, and taking it from under a holder would block the kernel.`,
    remedy: 'Eject it from that VM or end the process, then ask again.',
    details: { function: physicalFunction, virtualFunctions: lent.map(({ name }) => name) },
  });
}

function refuseDismounted(
  facts: HostFacts,
  asked: string,
  physicalFunction: string,
  virtualFunctions: readonly string[],
): void {
  const dismounted = dismountedAmong(facts, virtualFunctions);
  if (dismounted.length === 0) return;
  throw new HostError('virtual-functions-lent', {
    asked,
    obstacle: `${dismounted.join(', ')} ${dismounted.length === 1 ? 'is' : 'are'} dismounted, ready to be lent.`,
    remedy: `Mount them first (dda mount ${dismounted.join(' ')}), or use --include-dismounted.`,
    details: { function: physicalFunction, virtualFunctions: dismounted },
  });
}

export function dismountedAmong(facts: HostFacts, virtualFunctions: readonly string[]): string[] {
  return virtualFunctions.filter(
    (name) => isVfioDriver(facts.inventory.functions.get(name)?.driver) || facts.records.has(name),
  );
}
