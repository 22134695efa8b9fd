import { isVfioDriver } from '../inventory/host-function.ts';
import type { HostFunction } from '../inventory/host-function.ts';
import { usageOf } from '../usage/function-usage.ts';
import { Weight } from './reason.ts';
import type { Reason } from './reason.ts';
import type { HostFacts } from './facts.ts';

/** Who has the function now, and for what. */
export function stateReasons(facts: HostFacts, fn: HostFunction): Reason[] {
  const usage = usageOf(facts.usage, fn.name);
  const reasons: Reason[] = usage.uses.map((use) => ({
    code: use.needed ? 'in-use' : 'in-light-use',
    weight: use.needed ? Weight.blocks : Weight.note,
    sentence: use.sentence,
    remedy: use.remedy,
  }));
  reasons.push(...virtualFunctionReasons(fn), ...recordReasons(facts, fn));
  for (const holder of usage.vfioHolders) {
    reasons.push({
      code: 'held',
      weight: Weight.blocks,
      sentence: `Process ${holder.processId} (${holder.processName}) holds it through ${holder.node}.`,
      remedy: 'Eject it from that VM, or end the process.',
    });
  }
  return reasons;
}

function virtualFunctionReasons(fn: HostFunction): Reason[] {
  const { virtualFunctions } = fn.sriov;
  if (virtualFunctions.length === 0 || isVfioDriver(fn.driver)) return [];
  return [
    {
      code: 'virtual-functions-on',
      weight: Weight.blocks,
      sentence: `It has ${virtualFunctions.length} virtual functions (${virtualFunctions.join(', ')}), which would vanish with its driver.`,
      remedy: `Lend those instead, or remove them first: dda vf remove ${fn.name}`,
    },
  ];
}

function recordReasons(facts: HostFacts, fn: HostFunction): Reason[] {
  const record = facts.records.get(fn.name);
  const giveBack = `Give it back to the host: dda mount ${fn.name}`;
  const stuck = facts.stuckActs.get(fn.name);
  if (stuck !== undefined && facts.isAlive(stuck)) {
    return [
      {
        code: 'stuck',
        weight: Weight.blocks,
        sentence: `Process ${stuck.processId} is blocked in the kernel since it tried to ${stuck.intent}.`,
        remedy: 'End whoever holds the function; then that process ends by itself.',
      },
    ];
  }
  if (record?.borrower !== undefined && !facts.isAlive(record.borrower)) {
    return [
      {
        code: 'abandoned',
        weight: Weight.note,
        sentence: `Process ${record.borrower.processId} (${record.borrower.command}) dismounted it and ended without giving it back.`,
        remedy: giveBack,
      },
    ];
  }
  if (!isVfioDriver(fn.driver)) return [];
  return [
    { code: 'dismounted', weight: Weight.note, sentence: 'It is dismounted: ready to be lent.', remedy: giveBack },
  ];
}
