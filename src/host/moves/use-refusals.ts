import { HostError } from '../errors.ts';
import { describeFunction, isVfioDriver } from '../inventory/host-function.ts';
import type { HostFunction } from '../inventory/host-function.ts';
import type { HostFacts } from '../survey/facts.ts';
import { usageOf } from '../usage/function-usage.ts';

/** Gives what a forced dismount breaks. Throws `virtual-functions-lent`, or `function-in-use` unless forced. */
export function refuseVirtualFunctions(facts: HostFacts, asked: string, fn: HostFunction, force: boolean): string[] {
  const { virtualFunctions } = fn.sriov;
  if (virtualFunctions.length === 0) return [];
  const lent = virtualFunctions.filter(
    (name) => isVfioDriver(facts.inventory.functions.get(name)?.driver) || facts.records.has(name),
  );
  if (lent.length > 0) {
    throw new HostError('virtual-functions-lent', {
      asked,
      obstacle: `its virtual functions ${lent.join(', ')} are dismounted, and would vanish with its driver.`,
      remedy: `Give them back first: dda mount ${lent.join(' ')}`,
      details: { function: fn.name, virtualFunctions: lent },
    });
  }
  const breaks = `The virtual functions ${virtualFunctions.join(', ')} of ${fn.name} would vanish.`;
  if (force) return [breaks];
  throw new HostError('function-in-use', {
    asked,
    obstacle: `it has virtual functions: ${virtualFunctions.join(', ')}.`,
    remedy: `Remove them first (dda vf remove ${fn.name}), or use --force. ${breaks}`,
    details: { function: fn.name, virtualFunctions },
  });
}

/** Gives what a forced dismount breaks. Throws `function-in-use` unless forced. */
export function refuseInUse(facts: HostFacts, asked: string, fn: HostFunction, force: boolean): string[] {
  const needed = usageOf(facts.usage, fn.name).uses.filter((use) => use.needed);
  const breaks = [...new Set(needed.map((use) => use.breaks))];
  if (needed.length === 0 || force) return breaks;
  throw new HostError('function-in-use', {
    asked,
    obstacle: `the host is using ${describeFunction(fn)}. ${needed.map((use) => use.sentence).join(' ')}`,
    remedy: `${[...new Set(needed.map((use) => use.remedy))].join(' ')} Or use --force, knowing this: ${breaks.join(' ')}`,
    details: {
      function: fn.name,
      uses: needed.map((use) => ({ kind: use.kind, sentence: use.sentence, breaks: use.breaks })),
    },
  });
}
