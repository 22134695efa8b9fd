import { createApp } from '../app.ts';
import { EventLog } from '../events/event-log.ts';
import { StreamSlots } from '../events/stream-slots.ts';
import { Metrics } from '../metrics.ts';
import { openApiInfo } from '../openapi.ts';
import { ScriptedManager } from './scripted-manager.ts';

/** docs/openapi.json: what a daemon of this version serves at /openapi.json, laid out for reading. */
export function openApiText(version: string): string {
  const manager = new ScriptedManager();
  const slots = new StreamSlots();
  const app = createApp({
    manager,
    facts: { version, startedAt: new Date(0) },
    log: new EventLog(0, 1),
    run: 'run1',
    slots,
    metrics: new Metrics(manager, slots),
    failed: (_, error) => {
      throw error;
    },
  });
  return `${JSON.stringify(app.getOpenAPI31Document(openApiInfo(version)), undefined, 2)}\n`;
}
