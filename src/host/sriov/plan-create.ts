import { HostError } from '../errors.ts';
import type { NvmeControllers } from './nvme-shares.ts';
import { assignCommands, shareResources } from './nvme-shares.ts';
import { refuseAway } from './physical-function.ts';
import type { PhysicalFunction } from './physical-function.ts';
import { checkSettings } from './settings.ts';
import type { CheckedSettings, VirtualFunctionSettings } from './settings.ts';
import type { VfPlan, VfStep } from './step.ts';

/** Where new virtual functions go: `pool`, dismounted and ready to be lent; `host`, to the host's own drivers; `nobody`. */
export type VirtualFunctionsTo = 'pool' | 'host' | 'nobody';

export interface CreateWishes {
  readonly count: number;
  readonly perFunction: readonly VirtualFunctionSettings[];
  readonly to: VirtualFunctionsTo;
}

/**
 * How `count` virtual functions come up, each with its settings before any driver has it. Throws HostError, the first obstacle
 * found. `controllers`: undefined where there is nothing to assign.
 */
export function planCreate(
  asked: string,
  physical: PhysicalFunction,
  controllers: NvmeControllers | undefined,
  wishes: CreateWishes,
): VfPlan {
  const { fn, setup } = physical;
  refuseAway(asked, physical);
  refuseCount(asked, physical, wishes.count);
  const settings = checkSettings(asked, setup.kind, wishes.count, wishes.perFunction);
  const steps: VfStep[] = [
    {
      ...autoprobe(physical, false, 'keep drivers away from new virtual functions'),
      was: physical.autoprobe,
      undo: [autoprobe(physical, physical.autoprobe, 'let drivers have virtual functions again')],
    },
    {
      act: 'count',
      count: wishes.count,
      intent: `create ${wishes.count} virtual functions of ${fn.name}`,
      undo: [{ act: 'count', count: 0, intent: `remove the virtual functions of ${fn.name} again`, undo: [] }],
    },
    {
      act: 'check-count',
      count: wishes.count,
      intent: `find ${wishes.count} virtual functions of ${fn.name}`,
      undo: [],
    },
    ...setupSteps(asked, physical, controllers, settings),
  ];
  if (wishes.to === 'pool') {
    steps.push({ act: 'dismount', intent: `dismount the virtual functions of ${fn.name}`, undo: [] });
  }
  if (wishes.to === 'host') {
    steps.push(autoprobe(physical, true, 'let drivers have virtual functions'), {
      act: 'probe',
      intent: `give the virtual functions of ${fn.name} to their drivers`,
      undo: [],
    });
  }
  steps.push(autoprobe(physical, physical.autoprobe, 'let drivers have virtual functions again as before'));
  return { physicalFunction: fn.name, steps, warnings: [] };
}

function refuseCount(asked: string, { fn, virtualFunctions }: PhysicalFunction, count: number): void {
  const { totalVfs } = fn.sriov;
  if (!Number.isInteger(count) || count < 1) {
    throw new HostError('virtual-function-settings', {
      asked,
      obstacle: `the number of virtual functions is ${count}; it can be a whole number from 1 to ${totalVfs}.`,
      remedy: `Correct it and ask again. To have none: dda vf remove ${fn.name}`,
      details: { function: fn.name, count, totalVfs },
    });
  }
  if (count > totalVfs) {
    throw new HostError('too-many-virtual-functions', {
      asked,
      obstacle: `${fn.name} has at most ${totalVfs} virtual functions.`,
      remedy: `Ask for at most ${totalVfs}.`,
      details: { function: fn.name, count, totalVfs },
    });
  }
  if (virtualFunctions.length > 0) {
    throw new HostError('virtual-functions-exist', {
      asked,
      obstacle: `${fn.name} has virtual functions already: ${virtualFunctions.join(', ')}. The kernel changes their number only from none and to none.`,
      remedy: `Remove them first (dda vf remove ${fn.name}), then create as many as you need.`,
      details: { function: fn.name, virtualFunctions },
    });
  }
}

function autoprobe({ fn }: PhysicalFunction, on: boolean, intent: string): VfStep & { act: 'autoprobe' } {
  return { act: 'autoprobe', on, intent: `${intent} (${fn.name})`, undo: [] };
}

function setupSteps(
  asked: string,
  { fn, setup }: PhysicalFunction,
  controllers: NvmeControllers | undefined,
  settings: readonly CheckedSettings[],
): VfStep[] {
  if (setup.kind === 'nvme') return nvmeSteps(asked, fn.name, setup.node, controllers, settings);
  if (setup.kind === 'other') return [];
  const links = settings.map(({ link }) => link);
  const changed = links.map((link, index): VfStep[] =>
    Object.values(link).every((value) => value === undefined)
      ? []
      : [
          {
            act: 'link',
            interfaceIndex: setup.interfaceIndex,
            interfaceName: setup.interfaceName,
            index,
            settings: link,
            intent: `set up virtual function ${index} of ${setup.interfaceName}`,
            undo: [],
          },
        ],
  );
  if (changed.every((steps) => steps.length === 0)) return [];
  const intent = `see the virtual functions of ${setup.interfaceName} set up as asked`;
  return [...changed.flat(), { act: 'check-links', settings: links, intent, undo: [] }];
}

function nvmeSteps(
  asked: string,
  name: string,
  node: string,
  controllers: NvmeControllers | undefined,
  settings: readonly CheckedSettings[],
): VfStep[] {
  if (controllers === undefined) {
    if (settings.every(({ queues, interrupts }) => queues === undefined && interrupts === undefined)) return [];
    throw new HostError('virtual-function-resources', {
      asked,
      obstacle: `the controller of ${name} assigns no queues or interrupts: each virtual function has its own.`,
      remedy: 'Ask without them.',
      details: { function: name },
    });
  }
  const shares = shareResources(asked, controllers, settings);
  const commands = assignCommands(controllers, shares);
  const intent = `give the virtual functions of ${name} their queues and interrupts`;
  return [
    { act: 'nvme', node, commands, optional: false, intent, undo: [] },
    { act: 'check-nvme', shares, intent: `see the virtual functions of ${name} online with them`, undo: [] },
  ];
}
