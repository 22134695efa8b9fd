import { HostError } from '../errors.ts';
import type { PlacedFunction } from '../inventory/host-function.ts';
import { describeFunction, isMachinery } from '../inventory/host-function.ts';
import type { PlanFacts } from '../survey/facts.ts';
import { usageOf } from '../usage/function-usage.ts';
import type { ProcessMark } from './record.ts';

/** The function that a name stands for. Throws `no-such-function`. */
export function findFunction<T extends PlacedFunction>(
  inventory: { readonly functions: ReadonlyMap<string, T> },
  asked: string,
  name: string,
): T {
  const fn = inventory.functions.get(name);
  if (fn !== undefined) return fn;
  const alike = [...inventory.functions.keys()].filter((other) => other.slice(0, -1) === name.slice(0, -1));
  const hint = alike.length === 0 ? '' : ` There is ${alike.join(', ')}.`;
  throw new HostError('no-such-function', {
    asked,
    obstacle: `this host has no PCI function ${name}.${hint}`,
    remedy: 'See which ones it has with: dda survey',
    details: { function: name, alike },
  });
}

/** Throws `not-an-endpoint`. */
export function refuseMachinery(asked: string, fn: PlacedFunction): void {
  if (!isMachinery(fn)) return;
  throw new HostError('not-an-endpoint', {
    asked,
    obstacle: `${describeFunction(fn)} is a part of the machine itself, which no guest can drive.`,
    remedy: 'Choose a device below it: dda survey shows them.',
    details: { function: fn.name },
  });
}

/** Throws `operation-stuck` while an earlier act on it is blocked in the kernel. */
export function refuseStuck(facts: PlanFacts, asked: string, fn: PlacedFunction): void {
  const stuck = facts.stuckActs.get(fn.name);
  if (stuck === undefined || !facts.isAlive(stuck)) return;
  throw new HostError('operation-stuck', {
    asked,
    obstacle: `process ${stuck.processId} has been blocked in the kernel since it tried to ${stuck.intent}.`,
    remedy: `End whoever holds ${fn.name} (dda survey ${fn.name} shows whom it sees), then ask again.`,
    details: { function: fn.name, processId: stuck.processId },
  });
}

/** Throws `function-held` while a process has it open through VFIO: unbinding would block the whole machine's plug and play. */
export function refuseHeld(facts: PlanFacts, asked: string, fn: PlacedFunction): void {
  const holders = usageOf(facts.usage, fn.name).vfioHolders;
  if (holders.length === 0) return;
  const named = holders.map((holder) => `process ${holder.processId} (${holder.processName})`);
  throw heldError(asked, fn.name, [...new Set(named)].join(' and '), {
    holders: holders.map(({ processId, processName, node }) => ({ processId, processName, node })),
  });
}

/** Throws `function-held` while another process has it on loan, be it not open just now: it is about to be, or to go home. */
export function refuseBorrowed(facts: PlanFacts, asked: string, fn: PlacedFunction, askedBy: ProcessMark): void {
  const borrower = facts.records.get(fn.name)?.borrower;
  if (borrower === undefined || !facts.isAlive(borrower)) return;
  if (borrower.processId === askedBy.processId && borrower.startTicks === askedBy.startTicks) return;
  throw new HostError('function-held', {
    asked,
    obstacle: `process ${borrower.processId} (${borrower.command}) has borrowed ${fn.name}.`,
    remedy: 'It gives the function back when it ends: end it, or eject the function there.',
    details: { function: fn.name, holders: [{ processId: borrower.processId, processName: borrower.command }] },
  });
}

function heldError(asked: string, name: string, holder: string, details: Record<string, unknown>): HostError {
  return new HostError('function-held', {
    asked,
    obstacle: `${holder} holds ${name} open through VFIO, and taking it from under a holder would block the kernel.`,
    remedy: 'Eject it from that VM or end the process, then ask again.',
    details: { function: name, ...details },
  });
}
