import { randomBytes } from 'node:crypto';
import { reportOf } from '../../host/index.ts';
import type { Manager, ManagerReports, OpenedManager } from '../../host/index.ts';
import { createApp } from '../app.ts';
import { EventLog } from '../events/event-log.ts';
import { StreamSlots } from '../events/stream-slots.ts';
import { Metrics } from '../metrics.ts';
import { statusOf } from '../problem/status.ts';
import { readAccess } from '../server/access.ts';
import { listen } from '../server/listen.ts';
import { eventJson } from '../views.ts';
import type { LogLevel } from './log-levels.ts';
import { createLog, logEvent } from './log.ts';
import { Notifier } from './notifier.ts';
import { lockState } from './state-lock.ts';
import { keepWatchdogFed } from './watchdog.ts';

/** How many events a reader may miss and still catch up. */
const EVENT_LOG_CAPACITY = 4096;
const RUN_NAME_BYTES = 5;

export interface ServeOptions {
  /** Where the journal is; one daemon at a time. */
  readonly stateDirectory: string;
  readonly socketPath: string;
  readonly logLevel: LogLevel;
  readonly version: string;
  /** Called once, when the directory is this process's alone. */
  readonly openManager: (stateDirectory: string, reports: ManagerReports) => Promise<OpenedManager>;
  /** Only one daemon that names this directory runs at a time, wherever its state is. */
  readonly onlyOne?: string;
  /** Ends the daemon. VMs run on, unless `beforeEnd` sees to something else. */
  readonly signal: AbortSignal;
  /** What is to be done before it ends in order, while it is still served. */
  readonly beforeEnd?: (manager: Manager) => Promise<void>;
}

/**
 * The daemon from start to end: takes the state directory, opens the manager, serves the API, tells the service manager.
 * Throws ApiError `daemon-running`, `daemon-setup-failed`, and what the manager refuses to start or to go on with.
 */
export async function serve(options: ServeOptions): Promise<void> {
  const { stateDirectory, socketPath, version } = options;
  const notifier = new Notifier(process.env);
  const log = createLog(options.logLevel);
  using locks = new DisposableStack();
  locks.defer(lockState(stateDirectory));
  if (options.onlyOne !== undefined) locks.defer(lockState(options.onlyOne));
  const fatal = Promise.withResolvers<never>();
  // Looked at once the daemon is ready.
  fatal.promise.catch(() => undefined);
  const { manager, close } = await options.openManager(stateDirectory, {
    vmSaid: (vm, text) => log.info({ vm }, text),
    warn: (text) => log.warn(text),
    problem: (error) => log.error({ err: error }, 'the manager goes on, but'),
    fatal: (error) => {
      log.fatal({ err: error }, 'the manager has stopped');
      fatal.reject(error);
    },
  });
  try {
    const slots = new StreamSlots();
    const events = new EventLog(manager.snapshot().revision, EVENT_LOG_CAPACITY);
    manager.on((event) => {
      events.push(eventJson(event));
      logEvent(log, event);
    });
    const app = createApp({
      manager,
      facts: { version, startedAt: new Date() },
      log: events,
      run: randomBytes(RUN_NAME_BYTES).toString('hex'),
      slots,
      metrics: new Metrics(manager, slots),
      failed: (asked, error) => {
        const { code, message } = reportOf(error);
        if (statusOf(code) < 500) log.debug({ asked, code }, message);
        else log.error({ asked, code, err: error }, message);
      },
    });
    const server = await listen({
      path: socketPath,
      access: readAccess(),
      fetch: (request, env) => app.fetch(request, env),
      failed: (error) => log.error({ err: error }, 'an answer failed'),
    });
    const endWatchdog = keepWatchdogFed(
      notifier,
      () => manager.audit({ limit: 1 }),
      (error) => log.error({ err: error }, 'the journal does not answer'),
    );
    log.info({ version, socket: socketPath, state: stateDirectory, processId: process.pid }, 'ready');
    notifier.tell('READY=1', `serving at ${socketPath}`);
    try {
      await Promise.race([aborted(options.signal), fatal.promise]);
      log.info('stopping');
      await options.beforeEnd?.(manager);
    } finally {
      notifier.tell('STOPPING=1');
      endWatchdog();
      slots.endAll();
      await server.close();
    }
  } finally {
    await close();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
