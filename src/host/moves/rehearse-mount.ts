import { pciDevicesPath } from '../inventory/inventory.ts';
import type { Host } from './host-facts.ts';
import { readMountFacts } from './host-facts.ts';
import { planMount } from './plan-mount.ts';
import type { MovePlan } from './step.ts';

const readDeadlineMs = 3_000;

/**
 * Reads and plans what a mount of functions that are dismounted will read and plan, and does nothing of it. What runs for the first
 * time, or again after long, takes many times as long as what has just run: here nobody waits for it. Throws HostError.
 */
export async function rehearseMount(host: Host, names: readonly string[]): Promise<MovePlan> {
  const facts = readMountFacts(host, names);
  // Nobody has its lock, unlike that of the attribute that a mount asks for.
  for (const name of names) await host.actions.read(`${pciDevicesPath}/${name}/modalias`, readDeadlineMs);
  const overrides = new Map(names.map((name) => [name, facts.inventory.functions.get(name)?.driver]));
  return planMount({ ...facts, overrides }, names, host.self);
}
