import { type ServeOptions, serve } from '../../api/index.ts';
import {
  type ManagerPlaces,
  type ManagerReports,
  type OpenedManager,
  bringHome,
  openManager,
} from '../../host/index.ts';
import { privatePlaces, removePlaces } from './places.ts';

/**
 * The daemon of one command: until `signal` or the end of standard input, which comes also when that command is killed. Then it
 * ends its VMs, gives back what was taken from the host, and removes what it kept. Throws as {@link serve}, and HostError `functions-left`.
 */
export async function servePrivately(
  directory: string,
  { signal, ...options }: Pick<ServeOptions, 'logLevel' | 'version' | 'onlyOne' | 'signal'>,
  open: (places: ManagerPlaces, reports: ManagerReports) => Promise<OpenedManager> = openManager,
): Promise<void> {
  const places = privatePlaces(directory);
  const end = new AbortController();
  const ended = (): void => end.abort();
  signal.addEventListener('abort', ended);
  process.stdin.on('end', ended).on('close', ended).on('error', ended).resume();
  try {
    await serve({
      ...options,
      stateDirectory: places.state,
      socketPath: places.socket,
      openManager: (stateDirectory, reports) =>
        open({ stateDirectory, rulesPath: undefined, vmDirectory: places.vms }, reports),
      signal: end.signal,
      beforeEnd: (manager) =>
        bringHome(manager, { userId: process.getuid?.() ?? 0, processId: process.pid, command: 'dda serve' }),
    });
    removePlaces(places);
  } finally {
    signal.removeEventListener('abort', ended);
    process.stdin.destroy();
  }
}
