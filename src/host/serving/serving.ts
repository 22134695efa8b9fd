import type { ManagerReports, OpenedManager } from './opened-manager.ts';

/**
 * The manager of this machine, with its journal in `stateDirectory`. It is loaded only then: most commands do without. Throws
 * HostError `journal-unusable`, `manager-running`, `not-permitted`.
 */
export async function openManager(stateDirectory: string, reports: ManagerReports): Promise<OpenedManager> {
  const { openManagerHere } = await import('./open-manager.ts');
  return openManagerHere(stateDirectory, reports);
}
