import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { Manager, ManagerEvent } from '../host/index.ts';
import type { Env } from './env.ts';
import type { StreamSlots } from './events/stream-slots.ts';

const HTTP_SECONDS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60];
const REQUEST_SECONDS = [0.01, 0.05, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120];

/** What the daemon counts, for Prometheus. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #http: Histogram<'method' | 'route' | 'status'>;
  readonly #requests: Histogram<'what' | 'outcome'>;
  readonly #refusals: Counter<'what' | 'code'>;

  constructor(manager: Manager, slots: StreamSlots) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    const functions = new Gauge({
      name: 'dda_functions',
      help: 'PCI functions by who has them.',
      labelNames: ['state'],
      registers: [],
      collect() {
        this.reset();
        for (const { owner } of manager.snapshot().functions) this.inc({ state: owner.kind });
      },
    });
    const vms = new Gauge({
      name: 'dda_vms',
      help: 'VMs by how their processes stand.',
      labelNames: ['phase'],
      registers: [],
      collect() {
        this.reset();
        for (const { phase } of manager.snapshot().vms) this.inc({ phase });
      },
    });
    const streams = new Gauge({
      name: 'dda_api_streams',
      help: 'Readers of events and consoles.',
      registers: [],
      collect() {
        this.set(slots.open);
      },
    });
    for (const gauge of [functions, vms, streams]) this.#registry.registerMetric(gauge);
    this.#http = new Histogram({
      name: 'dda_http_seconds',
      help: 'Time to answer over HTTP; of streams, to begin.',
      labelNames: ['method', 'route', 'status'],
      buckets: HTTP_SECONDS,
      registers,
    });
    this.#requests = new Histogram({
      name: 'dda_request_seconds',
      help: 'Requests to the manager, by outcome. `remove`: until the function is home.',
      labelNames: ['what', 'outcome'],
      buckets: REQUEST_SECONDS,
      registers,
    });
    this.#refusals = new Counter({
      name: 'dda_refusals_total',
      help: 'Requests that were refused or failed, by code.',
      labelNames: ['what', 'code'],
      registers,
    });
    manager.on((event) => this.#count(event));
  }

  get mediaType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  observe(): MiddlewareHandler<Env> {
    return async (context, next) => {
      const startedAt = performance.now();
      await next();
      const labels = { method: context.req.method, route: routePath(context, -1), status: context.res.status };
      this.#http.observe(labels, (performance.now() - startedAt) / 1000);
    };
  }

  #count(event: ManagerEvent): void {
    if (event.kind !== 'audit' || event.entry.outcome === 'pending') return;
    const { what, outcome, code, tookMs } = event.entry;
    if (tookMs !== undefined) this.#requests.observe({ what, outcome }, tookMs / 1000);
    if (code !== undefined) this.#refusals.inc({ what, code });
  }
}
