import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Manager } from '../../host/index.ts';
import { createApp } from '../app.ts';
import { DaemonClient } from '../client/daemon-client.ts';
import { unixFetch } from '../client/unix-fetch.ts';
import { EventLog } from '../events/event-log.ts';
import { StreamSlots } from '../events/stream-slots.ts';
import { Metrics } from '../metrics.ts';
import type { Problem } from '../schemas/problem.ts';
import { type Access, readAccess } from '../server/access.ts';
import { type ApiServer, listen } from '../server/listen.ts';
import { eventJson } from '../views.ts';

/** A manager's API at a real Unix socket, until the test ends. */
export interface Served {
  readonly socketPath: string;
  readonly client: DaemonClient;
  readonly server: ApiServer;
  readonly slots: StreamSlots;
  readonly log: EventLog;
  readonly failures: { readonly asked: string; readonly error: unknown }[];
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>;
  /** Sends JSON, and gives the status with the JSON that came back. */
  readonly json: (method: string, path: string, body?: unknown) => Promise<{ status: number; body: unknown }>;
  /** The same where a refusal is expected. */
  readonly refused: (method: string, path: string, body?: unknown) => Promise<Problem>;
}

export interface ServedOptions {
  readonly access?: Access;
  readonly eventCapacity?: number;
}

export async function served(t: TestContext, manager: Manager, options: ServedOptions = {}): Promise<Served> {
  const directory = mkdtempSync(join(tmpdir(), 'dda-api-'));
  const socketPath = join(directory, 'dda.sock');
  const slots = new StreamSlots();
  const log = new EventLog(manager.snapshot().revision, options.eventCapacity ?? 100);
  manager.on((event) => log.push(eventJson(event)));
  const failures: { asked: string; error: unknown }[] = [];
  const app = createApp({
    manager,
    facts: { version: '1.2.3', startedAt: new Date('2026-01-02T03:04:05Z') },
    log,
    run: 'run1',
    slots,
    metrics: new Metrics(manager, slots),
    failed: (asked, error) => failures.push({ asked, error }),
  });
  const server = await listen({
    path: socketPath,
    access: options.access ?? readAccess(),
    fetch: (request, env) => app.fetch(request, env),
    failed: (error) => failures.push({ asked: 'answer', error }),
  });
  t.after(async () => {
    slots.endAll();
    await server.close();
    rmSync(directory, { recursive: true });
  });
  const over = unixFetch(socketPath);
  const fetch = (path: string, init?: RequestInit): Promise<Response> => over(`http://localhost${path}`, init);
  const send = (method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(
      path,
      body === undefined
        ? { method }
        : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
    );
  return {
    socketPath,
    client: new DaemonClient(socketPath),
    server,
    slots,
    log,
    failures,
    fetch,
    json: async (method, path, body) => {
      const response = await send(method, path, body);
      return { status: response.status, body: await response.json() };
    },
    refused: async (method, path, body) => {
      const response = await send(method, path, body);
      const problem = (await response.json()) as Problem;
      if (response.headers.get('content-type') !== 'application/problem+json' || problem.status !== response.status) {
        throw new Error(`${response.status} is no problem: ${JSON.stringify(problem)}`);
      }
      return problem;
    },
  };
}
