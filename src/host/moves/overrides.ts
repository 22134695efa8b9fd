import { HostError } from '../errors.ts';
import { pciDevicesPath } from '../inventory/inventory.ts';
import type { Host } from './host-facts.ts';
import { processStartTicks } from './process-mark.ts';

/** The kernel answers at once, unless something else is being done to the device. */
const readDeadlineMs = 3_000;

/**
 * Which driver each function is reserved for. The kernel gives that out only when no driver is releasing or taking the function: a
 * read that waits tells of an act that is stuck, be it somebody else's. Throws HostError `operation-stuck`.
 */
export async function readOverrides(
  host: Host,
  verb: string,
  names: readonly string[],
): Promise<Map<string, string | undefined>> {
  const overrides = new Map<string, string | undefined>();
  for (const name of names) {
    const read = await host.actions.read(`${pciDevicesPath}/${name}/driver_override`, readDeadlineMs);
    if (read.outcome === 'stuck') throw stuckError(host, verb, name, read.processId);
    const text = read.outcome === 'done' ? read.text.trim() : '';
    overrides.set(name, text === '' || text === '(null)' ? undefined : text);
  }
  return overrides;
}

function stuckError(host: Host, verb: string, name: string, processId: number): HostError {
  const startTicks = processStartTicks(host.tree, processId);
  if (startTicks !== undefined) {
    host.records.writeStuck({ function: name, processId, startTicks, intent: `look at ${name}` });
  }
  return new HostError('operation-stuck', {
    asked: `${verb} ${name}`,
    obstacle: 'the kernel is busy with it: some process is having its driver changed, and that does not end.',
    remedy: `End whoever holds ${name} (dda survey ${name} shows whom it sees), then ask again.`,
    details: { function: name, processId },
  });
}
