import { formatPciAddress, parsePciAddress } from '../../pci/index.ts';
import { HostError } from '../errors.ts';
import { executePlan } from './execute.ts';
import type { MoveOptions, MoveReport } from './execute.ts';
import { readFactsInTurns, readMountFacts } from './host-facts.ts';
import type { Host } from './host-facts.ts';
import { planDismount } from './plan-dismount.ts';
import { planMount } from './plan-mount.ts';
import { groupNumber } from '../inventory/iommu-groups.ts';
import { pciDevicesPath } from '../inventory/inventory.ts';
import { readOverrides } from './overrides.ts';
import { isProcessAlive } from './process-mark.ts';
import { refuseStuck } from './refusals.ts';
import type { MovePlan } from './step.ts';
import type { MoveFacts, PlanFacts } from '../survey/facts.ts';

export interface DismountOptions extends MoveOptions {
  /** Take functions even from a host that is using them. */
  readonly force?: boolean;
  /** They are to go back as soon as this process ends. */
  readonly borrow?: boolean;
}

/** Takes functions from their host drivers and binds them to vfio-pci, all or none. Throws HostError. */
export async function dismount(
  host: Host,
  names: readonly string[],
  options: DismountOptions = {},
): Promise<MoveReport> {
  const wishes = {
    force: options.force ?? false,
    borrower: options.borrow === true ? host.self : undefined,
    at: host.now().toISOString(),
  };
  return move(host, 'dismount', names, options, readFactsInTurns, (facts, known) => planDismount(facts, known, wishes));
}

/** Gives functions back to their host drivers, all or none. Throws HostError. */
export async function mount(host: Host, names: readonly string[], options: MoveOptions = {}): Promise<MoveReport> {
  return move(host, 'mount', names, options, readFactsInTurns, (facts, known) => planMount(facts, known, host.self));
}

/**
 * As {@link mount}, for functions that nobody holds as far as the caller knows: without looking for holders in all of the host, which
 * takes most of the time. That nobody holds them when VFIO's driver releases them is made sure of in any case.
 */
export async function mountUnheld(
  host: Host,
  names: readonly string[],
  options: MoveOptions = {},
): Promise<MoveReport> {
  return move(host, 'mount', names, options, readMountFacts, (facts, known) => planMount(facts, known, host.self));
}

async function move<Facts extends PlanFacts>(
  host: Host,
  verb: MovePlan['verb'],
  asked: readonly string[],
  options: MoveOptions,
  read: (host: Host, names: readonly string[]) => Facts | Promise<Facts>,
  plan: (facts: MoveFacts<Facts>, names: readonly string[]) => MovePlan,
): Promise<MoveReport> {
  const names = asked.map(canonicalName);
  const unlock = lockGroups(host, `${verb} ${names.join(' ')}`, names);
  try {
    // Read under the lock: no other dda changes them any more.
    const facts = await read(host, names);
    for (const name of names) {
      const fn = facts.inventory.functions.get(name);
      if (fn !== undefined) refuseStuck(facts, `${verb} ${name}`, fn);
    }
    const made = plan({ ...facts, overrides: await readOverrides(host, verb, names) }, names);
    for (const name of names) host.records.removeStuck(name);
    return await executePlan(host, made, options);
  } finally {
    unlock();
  }
}

/** `01:00.0` → `0000:01:00.0`. Throws PciAddressError. */
export function canonicalName(text: string): string {
  const parsed = parsePciAddress(text);
  if (!parsed.ok) throw parsed.error;
  return formatPciAddress(parsed.address);
}

/** Takes the groups of `names` for this process; gives what lets go of them. Throws `operation-in-progress`. */
export function lockGroups(host: Host, asked: string, names: readonly string[]): () => void {
  const keys = new Set(
    names.map((name) => {
      const group = groupNumber(host.tree, `${pciDevicesPath}/${name}`);
      return group === undefined ? name : `group-${group}`;
    }),
  );
  const releases: (() => void)[] = [];
  const unlock = () => {
    for (const release of releases.splice(0)) release();
  };
  for (const key of keys) {
    const result = host.records.lock(key, host.self, (mark) => isProcessAlive(host.tree, mark));
    if (result.locked) {
      releases.push(result.release);
      continue;
    }
    unlock();
    const owner =
      result.owner === undefined
        ? 'another dda command'
        : `process ${result.owner.processId} (${result.owner.command})`;
    throw new HostError('operation-in-progress', {
      asked,
      obstacle: `${owner} is moving a function of the same IOMMU group just now.`,
      remedy: 'Ask again when it has finished.',
      details: { functions: names, processId: result.owner?.processId },
    });
  }
  return unlock;
}
