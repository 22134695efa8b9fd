import { isVfioDriver } from '../inventory/host-function.ts';
import type { HostFunction } from '../inventory/host-function.ts';
import type { HostFacts, MoveFacts } from '../survey/facts.ts';
import { usageOf } from '../usage/function-usage.ts';
import { groupNode } from '../usage/usage.ts';
import { refuseGroup } from './group-refusals.ts';
import { findFunction, refuseMachinery } from './refusals.ts';
import type { DismountRecord } from './record.ts';
import type { MovePlan, Step } from './step.ts';
import { refuseInUse, refuseVirtualFunctions } from './use-refusals.ts';

export const vfioDriver = 'vfio-pci';

export interface DismountWishes {
  /** Take it even from a host that is using it. */
  readonly force: boolean;
  /** Set when it is to go back as soon as that process ends. */
  readonly borrower: DismountRecord['borrower'];
  /** ISO 8601. */
  readonly at: string;
}

/** How `names` leave their host drivers for VFIO. Throws HostError, the first obstacle found. */
export function planDismount(facts: MoveFacts, names: readonly string[], wishes: DismountWishes): MovePlan {
  const leaving = new Set(names);
  const steps: Step[] = [];
  const warnings: string[] = [];
  const unchanged: string[] = [];
  const moving: HostFunction[] = [];
  for (const name of leaving) {
    const asked = `dismount ${name}`;
    const fn = findFunction(facts.inventory, asked, name);
    refuseMachinery(asked, fn);
    refuseGroup(facts, asked, fn, leaving);
    if (isVfioDriver(fn.driver)) {
      const takeOver = takeOverSteps(facts, name, wishes);
      steps.push(...takeOver);
      if (takeOver.length === 0 || wishes.borrower === undefined) unchanged.push(name);
      continue;
    }
    warnings.push(...refuseVirtualFunctions(facts, asked, fn, wishes.force));
    warnings.push(...refuseInUse(facts, asked, fn, wishes.force));
    if (fn.resetMethods?.length === 0) {
      warnings.push(`No way to reset ${name} is known: it can't be handed back clean.`);
    }
    moving.push(fn);
  }
  if (!wishes.force) for (const fn of moving) steps.push(...unclaimedChecks(facts, fn));
  const [first] = moving;
  if (first !== undefined && !facts.inventory.drivers.has(vfioDriver)) {
    steps.push({
      act: 'load-module',
      module: vfioDriver,
      optional: false,
      function: first.name,
      intent: `load the kernel module ${vfioDriver}`,
      undo: [],
    });
  }
  for (const fn of moving) steps.push(...dismountSteps(facts, fn, wishes));
  return { verb: 'dismount', functions: [...leaving], unchanged, steps, warnings };
}

function dismountSteps(facts: MoveFacts, fn: HostFunction, wishes: DismountWishes): Step[] {
  const { name } = fn;
  const previous = facts.records.get(name);
  const override = facts.overrides.get(name);
  const node = groupNode(fn, facts.inventory);
  const steps: Step[] = [
    {
      act: 'remember',
      function: name,
      record: newRecord(fn, override, previous, wishes),
      intent: `note which driver had ${name}`,
      undo: [
        previous === undefined
          ? { act: 'forget', function: name, intent: `forget that ${name} was to be dismounted`, undo: [] }
          : { act: 'remember', function: name, record: previous, intent: `restore the note on ${name}`, undo: [] },
      ],
    },
    {
      act: 'override',
      function: name,
      driver: vfioDriver,
      intent: `reserve ${name} for ${vfioDriver}`,
      undo: [
        {
          act: 'override',
          function: name,
          driver: override,
          intent: `open ${name} to other drivers again`,
          undo: [],
        },
        ...bindBack(fn),
      ],
    },
  ];
  if (fn.driver !== undefined) {
    steps.push({
      act: 'unbind',
      function: name,
      from: { is: 'named', driver: fn.driver },
      guardNode: undefined,
      intent: `release ${name} from ${fn.driver}`,
      undo: [],
    });
  }
  steps.push(
    {
      act: 'bind',
      function: name,
      driver: vfioDriver,
      intent: `bind ${name} to ${vfioDriver}`,
      undo: [
        {
          act: 'unbind',
          function: name,
          from: { is: 'vfio' },
          guardNode: node,
          intent: `release ${name} from ${vfioDriver}`,
          undo: [],
        },
      ],
    },
    {
      act: 'check-driver',
      function: name,
      expected: { is: 'vfio' },
      intent: `see ${name} bound to ${vfioDriver}`,
      undo: [],
    },
  );
  if (node !== undefined) {
    steps.push({
      act: 'check-node',
      function: name,
      node,
      intent: `find ${node}, by which a VM opens ${name}`,
      undo: [],
    });
  }
  return steps;
}

/**
 * A function that somebody borrowed who ended without giving it back: whoever asks for it now answers for it from here on, so
 * that a new borrower gives it back and a plain dismount keeps it.
 */
function takeOverSteps(facts: MoveFacts, name: string, wishes: DismountWishes): Step[] {
  const record = facts.records.get(name);
  if (record?.borrower === undefined || facts.isAlive(record.borrower)) return [];
  return [
    {
      act: 'remember',
      function: name,
      record: { ...record, borrower: wishes.borrower },
      intent: `note who answers for ${name} now`,
      undo: [{ act: 'remember', function: name, record, intent: `restore the note on ${name}`, undo: [] }],
    },
  ];
}

function bindBack(fn: HostFunction): Step[] {
  if (fn.driver === undefined) return [];
  return [
    { act: 'bind', function: fn.name, driver: fn.driver, intent: `bind ${fn.name} to ${fn.driver} again`, undo: [] },
  ];
}

/**
 * A record that is there already tells of a move that was broken off: the driver it names had the function before, even if
 * none has it now.
 */
function newRecord(
  fn: HostFunction,
  override: string | undefined,
  previous: DismountRecord | undefined,
  wishes: DismountWishes,
): DismountRecord {
  const ids = idsOf(fn);
  const broken = previous?.ids === ids && fn.driver === undefined ? previous : undefined;
  return {
    function: fn.name,
    ids,
    hostDriver: fn.driver ?? broken?.hostDriver,
    previousOverride: broken === undefined ? override : broken.previousOverride,
    dismountedAt: wishes.at,
    borrower: wishes.borrower,
  };
}

/** `1b36:0010` */
export function idsOf(fn: Pick<HostFunction, 'identity'>): string {
  return [fn.identity.vendorId, fn.identity.deviceId].map((id) => id.toString(16).padStart(4, '0')).join(':');
}

function unclaimedChecks(facts: HostFacts, fn: HostFunction): Step[] {
  return usageOf(facts.usage, fn.name).blockDevices.map((device) => ({
    act: 'check-unclaimed',
    function: fn.name,
    blockNode: `/dev/${device}`,
    intent: `make sure that nothing uses /dev/${device}`,
    undo: [],
  }));
}
