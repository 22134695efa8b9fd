import type { Notifier } from './notifier.ts';

/**
 * Tells the service manager that the daemon is well, as often as it wants to know, while `check` does not throw. A daemon
 * whose event loop is stuck, or whose journal doesn't answer, tells nothing, and is started anew. Gives what ends it.
 */
export function keepWatchdogFed(notifier: Notifier, check: () => void, failed: (error: unknown) => void): () => void {
  if (notifier.watchdogMs === undefined) return () => undefined;
  const timer = setInterval(() => {
    try {
      check();
      notifier.tell('WATCHDOG=1');
    } catch (error) {
      failed(error);
    }
  }, notifier.watchdogMs);
  return () => clearInterval(timer);
}
