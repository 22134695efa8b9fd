import { type Logger, destination, pino } from 'pino';
import type { ManagerEvent } from '../../host/index.ts';
import type { LogLevel } from './log-levels.ts';

/** JSON lines on standard output, which systemd keeps in its journal. Written at once: the last line before a crash counts. */
export function createLog(level: LogLevel): Logger {
  return pino(
    { level, base: null, timestamp: false, formatters: { level: (label) => ({ level: label }) } },
    destination({ dest: 1, sync: true }),
  );
}

export function logEvent(log: Logger, event: ManagerEvent): void {
  switch (event.kind) {
    case 'audit': {
      const { id, what, target, by, outcome, code, tookMs } = event.entry;
      if (outcome === 'failed') log.warn({ audit: id, what, target, by, outcome, code, tookMs }, 'request failed');
      else log.info({ audit: id, what, target, by, outcome, code, tookMs }, 'request');
      return;
    }
    case 'function-changed': {
      const { name, owner, problem } = event.function;
      if (owner.kind === 'quarantine') log.warn({ function: name, owner, problem }, 'function in quarantine');
      else log.info({ function: name, owner, problem }, 'function');
      return;
    }
    case 'vm-changed': {
      const { name, phase, processId } = event.vm;
      log.info({ vm: name, phase, processId }, 'VM');
      return;
    }
    case 'vm-removed':
      log.info({ vm: event.name, exitCode: event.exitCode }, 'VM ended');
      return;
    case 'function-removed':
      log.info({ function: event.name }, 'function gone');
      return;
    case 'pools-changed':
      log.info({ pools: event.pools }, 'pools');
  }
}
