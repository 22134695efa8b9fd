import { HostError } from '../errors.ts';
import { pciDevicesPath } from '../inventory/inventory.ts';
import { defaultActDeadlineMs } from '../moves/execute.ts';
import type { Host } from '../moves/host-facts.ts';
import { lockGroups } from '../moves/move.ts';
import { executeVfPlan } from './execute-vf-plan.ts';

/**
 * Puts `sriov_drivers_autoprobe` back where a process was killed in the middle of a creation. The caller has the function's
 * lock, so that process is gone. Tells whether there was anything to put back. Throws HostError.
 */
export async function restoreAutoprobe(host: Host, asked: string, name: string, deadlineMs: number): Promise<boolean> {
  const note = host.records.getAutoprobe(name);
  if (note === undefined) return false;
  if (!host.tree.exists(`${pciDevicesPath}/${name}/sriov_drivers_autoprobe`)) {
    host.records.removeAutoprobe(name);
    return false;
  }
  const intent = `let drivers have virtual functions of ${name} again, as before a creation that was broken off`;
  const steps = [{ act: 'autoprobe', on: note.on, intent, undo: [] }] as const;
  await executeVfPlan(host, asked, { physicalFunction: name, steps, warnings: [] }, deadlineMs, undefined);
  return true;
}

/** The same for every function, but for those at which another process is just now. Gives what could not be put back. */
export async function restoreEveryAutoprobe(host: Host, deadlineMs = defaultActDeadlineMs): Promise<HostError[]> {
  const problems: HostError[] = [];
  for (const name of host.records.listAutoprobe().keys()) {
    const asked = `put back the setting of ${name} that a creation of virtual functions left`;
    try {
      const unlock = lockGroups(host, asked, [name]);
      try {
        await restoreAutoprobe(host, asked, name, deadlineMs);
      } finally {
        unlock();
      }
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      if (error.code !== 'operation-in-progress') problems.push(error);
    }
  }
  return problems;
}
