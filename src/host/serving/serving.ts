import type { Manager } from '../manager/manager.ts';

/** What a manager has to say besides its events. */
export interface ManagerReports {
  /** A line that a VM process says. */
  readonly vmSaid: (vm: string, text: string) => void;
  readonly warn: (text: string) => void;
  /** It has stopped for good, and left everything as it is: the daemon must end. */
  readonly fatal: (error: unknown) => void;
}

export interface OpenedManager {
  readonly manager: Manager;
  /** Leaves everything as it is and lets go: VMs run on. */
  readonly close: () => Promise<void>;
}

/**
 * The manager of this machine, with its journal in `stateDirectory`. It is loaded only then: most commands do without. Throws
 * HostError `journal-unusable`, `manager-running`, `not-permitted`.
 */
export async function openManager(stateDirectory: string, reports: ManagerReports): Promise<OpenedManager> {
  const { openManagerHere } = await import('./open-manager.ts');
  return openManagerHere(stateDirectory, reports);
}
