import type { ManagerPlaces, ManagerReports, OpenedManager } from './opened-manager.ts';

/**
 * The manager of this machine, with its state in these places. It is loaded only then: most commands do without. Throws
 * HostError `journal-unusable`, `manager-running`, `not-permitted`.
 */
export async function openManager(places: ManagerPlaces, reports: ManagerReports): Promise<OpenedManager> {
  const { openManagerHere } = await import('./open-manager.ts');
  return openManagerHere(places, reports);
}
