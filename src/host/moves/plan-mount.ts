import { isVfioDriver } from '../inventory/host-function.ts';
import type { PlacedFunction } from '../inventory/host-function.ts';
import type { MoveFacts, PlanFacts } from '../survey/facts.ts';
import { groupNode } from '../usage/usage.ts';
import { idsOf, vfioDriver } from './plan-dismount.ts';
import { findFunction, refuseBorrowed, refuseHeld, refuseMachinery } from './refusals.ts';
import type { DismountRecord, ProcessMark } from './record.ts';
import type { DriverIs, MovePlan, Step } from './step.ts';

/** How `names` go back to their host drivers, at the wish of process `askedBy`. Throws HostError, the first obstacle found. */
export function planMount(facts: MoveFacts<PlanFacts>, names: readonly string[], askedBy: ProcessMark): MovePlan {
  const functions = [...new Set(names)];
  const steps: Step[] = [];
  const unchanged: string[] = [];
  for (const name of functions) {
    const asked = `mount ${name}`;
    const fn = findFunction(facts.inventory, asked, name);
    refuseMachinery(asked, fn);
    refuseHeld(facts, asked, fn);
    refuseBorrowed(facts, asked, fn, askedBy);
    const own = mountSteps(facts, fn);
    if (own.length === 0) unchanged.push(name);
    steps.push(...own);
  }
  return { verb: 'mount', functions, unchanged, steps, warnings: [] };
}

function mountSteps(facts: MoveFacts<PlanFacts>, fn: PlacedFunction): Step[] {
  const { name } = fn;
  const found = facts.records.get(name);
  const record = found?.ids === idsOf(fn) ? found : undefined;
  const away = isVfioDriver(fn.driver);
  const steps: Step[] = [];
  const current = facts.overrides.get(name);
  const override = overrideAtHome(current, record);
  if (override !== current) {
    steps.push({
      act: 'override',
      function: name,
      driver: override,
      intent: `open ${name} to host drivers again`,
      undo: [
        { act: 'override', function: name, driver: current, intent: `reserve ${name} again`, undo: [] },
        ...(away ? [bindVfio(fn)] : []),
      ],
    });
  }
  if (away) {
    steps.push({
      act: 'unbind',
      function: name,
      from: { is: 'vfio' },
      guardNode: groupNode(fn, facts.inventory),
      intent: `release ${name} from ${fn.driver ?? vfioDriver}`,
      undo: override === current ? [bindVfio(fn)] : [],
    });
  }
  if (away || fn.driver === undefined) steps.push(...homeSteps(facts, fn, record));
  if (found !== undefined) {
    steps.push({ act: 'forget', function: name, intent: `forget that ${name} was dismounted`, undo: [] });
  }
  return steps;
}

/** A function that no driver had before stays without one. One that dda didn't dismount goes to whichever the kernel finds. */
function homeSteps(facts: MoveFacts<PlanFacts>, fn: PlacedFunction, record: DismountRecord | undefined): Step[] {
  const { name } = fn;
  if (record !== undefined && record.hostDriver === undefined) return [];
  // Nobody dismounted it and nobody has it: it is as home as it can be.
  if (record === undefined && !isVfioDriver(fn.driver) && !isVfioDriver(facts.overrides.get(name))) return [];
  const driver = record?.hostDriver;
  const steps: Step[] = [];
  if (fn.modalias !== undefined && (driver === undefined || !facts.inventory.drivers.has(driver))) {
    steps.push({
      act: 'load-module',
      function: name,
      module: fn.modalias,
      optional: true,
      intent: `load a driver for ${name}`,
      undo: [],
    });
  }
  const expected: DriverIs = driver === undefined ? { is: 'home' } : { is: 'named', driver };
  return [
    ...steps,
    {
      act: 'bind',
      function: name,
      driver,
      intent: `bind ${name} to ${driver ?? 'a host driver'}`,
      undo: [
        {
          act: 'unbind',
          function: name,
          from: { is: 'host' },
          guardNode: undefined,
          intent: `release ${name} from the host again`,
          undo: [],
        },
      ],
    },
    { act: 'check-driver', function: name, expected, intent: `see ${name} back at ${driver ?? 'the host'}`, undo: [] },
  ];
}

function bindVfio(fn: PlacedFunction): Step {
  const driver = fn.driver ?? vfioDriver;
  return { act: 'bind', function: fn.name, driver, intent: `bind ${fn.name} to ${driver} again`, undo: [] };
}

function overrideAtHome(current: string | undefined, record: DismountRecord | undefined): string | undefined {
  const before = record === undefined ? current : record.previousOverride;
  return isVfioDriver(before) ? undefined : before;
}
