import type { Manager } from './manager.ts';
import type { ManagerParts } from './manager-parts.ts';
import { PlugAndPlay } from './plug-and-play.ts';

/**
 * A manager for this host: it reads its journal, looks at the host, finds the VMs of an earlier manager again, and goes on with what
 * was begun. Resolves as soon as it takes requests; what was begun may still be under way. Throws HostError `journal-unusable`.
 */
export async function startManager(parts: ManagerParts): Promise<Manager> {
  const manager = new PlugAndPlay(parts, parts.journal.load());
  await manager.recover();
  return manager;
}
