import type { DaemonClient } from './client/daemon-client.ts';
import type { ServeOptions } from './daemon/serve.ts';

export { ApiError, apiErrorKinds } from './errors.ts';
export type { ApiErrorCode } from './errors.ts';
export type { DaemonClient } from './client/daemon-client.ts';
export type { ServeOptions } from './daemon/serve.ts';
export { logLevels } from './daemon/log-levels.ts';
export type { LogLevel } from './daemon/log-levels.ts';
export type { AuditEntryJson, EventJson } from './schemas/audit.ts';
export type { ManagedFunctionJson } from './schemas/functions.ts';
export type { TraceEventJson } from './schemas/trace.ts';
export type { VmJson } from './schemas/vms.ts';

/** Where the daemon listens unless told otherwise. */
export const defaultSocketPath = '/run/dda/dda.sock';
/** Where the daemon keeps its journal unless told otherwise. */
export const defaultStateDirectory = '/var/lib/dda';
/** What a host's functions are looked after by is one: whichever daemon runs, wherever its state is, has this. */
export const onlyOneDirectory = '/run/dda/manager';

// The schemas and what serves them take longer to load than all the rest of the program, and most commands need neither.

/** The daemon from start to end. Throws as `daemon/serve.ts` says. */
export async function serve(options: ServeOptions): Promise<void> {
  const daemon = await import('./daemon/serve.ts');
  await daemon.serve(options);
}

/** The daemon at a socket, be there one or not: the first request tells. */
export async function connectDaemon(socketPath: string): Promise<DaemonClient> {
  const client = await import('./client/daemon-client.ts');
  return new client.DaemonClient(socketPath);
}
