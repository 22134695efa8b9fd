import { createConnection } from 'node:net';
import { ApiError, type DaemonClient, connectDaemon } from '../../api/index.ts';
import type { CliContext } from '../cli-context.ts';

/** The daemon, for commands that can do without one; undefined: none runs. What it takes to talk to it is loaded only then. */
export async function findDaemon({ daemonSocket }: CliContext): Promise<DaemonClient | undefined> {
  return (await isServed(daemonSocket)) ? connectDaemon(daemonSocket) : undefined;
}

/** The daemon, for commands that need it: asking it tells whether it runs. */
export function needDaemon({ daemonSocket }: CliContext): Promise<DaemonClient> {
  return connectDaemon(daemonSocket);
}

/** Refuses what would move functions behind the back of a daemon that runs. Throws ApiError `daemon-running`. */
export async function refuseBesideDaemon(context: CliContext, asked: string, instead: string): Promise<void> {
  if (!(await isServed(context.daemonSocket))) return;
  throw new ApiError('daemon-running', {
    asked,
    obstacle: "the daemon runs, and looks after this host's functions.",
    remedy: `${instead} Or end the daemon first: systemctl stop dda`,
    details: { socket: context.daemonSocket },
  });
}

/** One that may not be opened is there all the same: the request that follows is refused with the reason. */
function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EACCES' || error.code === 'EPERM'));
  });
}
