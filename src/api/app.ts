import type { OpenAPIHono } from '@hono/zod-openapi';
import { HTTPException } from 'hono/http-exception';
import type { Manager } from '../host/index.ts';
import type { Env } from './env.ts';
import { ApiError } from './errors.ts';
import { boundedBody } from './limits/bounded-body.ts';
import { boundedRequests } from './limits/bounded-requests.ts';
import { unreadBodies } from './limits/unread-bodies.ts';
import type { Metrics } from './metrics.ts';
import { openApiInfo } from './openapi.ts';
import { problemResponse } from './problem/problem.ts';
import { functionRoutes } from './routes/functions.ts';
import { poolRoutes } from './routes/pools.ts';
import { type DaemonFacts, reportRoutes } from './routes/reports.ts';
import { newRouter } from './routes/route-parts.ts';
import { type StreamParts, streamRoutes } from './routes/streams.ts';
import { vmRoutes } from './routes/vms.ts';

export interface AppParts extends StreamParts {
  readonly manager: Manager;
  readonly facts: DaemonFacts;
  readonly metrics: Metrics;
  /** Told of every refusal and failure: what was asked, and the error. */
  readonly failed: (asked: string, error: unknown) => void;
}

/** The whole API, with nothing of where it listens. */
export function createApp(parts: AppParts) {
  const { manager, facts, metrics } = parts;
  const app = newRouter();
  app.use(metrics.observe());
  app.use(boundedRequests());
  app.use(boundedBody());
  app.use(unreadBodies());
  app.onError((error, context) => {
    const refusal = error instanceof HTTPException ? httpRefusal(error, context.req.method, context.req.path) : error;
    parts.failed(`${context.req.method} ${context.req.path}`, refusal);
    return problemResponse(refusal);
  });
  app.notFound((context) => unknownAddress(app, context.req.method, context.req.path));
  app.get('/metrics', async (context) =>
    context.body(await metrics.text(), 200, { 'content-type': metrics.mediaType }),
  );
  app.doc31('/openapi.json', openApiInfo(facts.version));
  return app
    .route('/v1', functionRoutes(manager))
    .route('/v1', vmRoutes(manager))
    .route('/v1', poolRoutes(manager))
    .route('/v1', reportRoutes(manager, facts))
    .route('/v1', streamRoutes(manager, parts));
}

/** What the typed client is made from. */
export type DdaApi = ReturnType<typeof createApp>;

function httpRefusal(error: HTTPException, method: string, path: string): ApiError {
  return new ApiError(
    'request-malformed',
    { asked: `${method} ${path}`, obstacle: 'the body is not JSON.', remedy: 'Send one JSON document.' },
    { cause: error },
  );
}

function unknownAddress(app: OpenAPIHono<Env>, method: string, path: string): Response {
  const segments = path.split('/');
  const methods = app.routes
    .filter((route) => route.method !== 'ALL' && matches(route.path.split('/'), segments))
    .map((route) => route.method);
  const asked = `${method} ${path}`;
  if (methods.length === 0) {
    return problemResponse(
      new ApiError('no-such-resource', {
        asked,
        obstacle: 'there is nothing at that address.',
        remedy: 'See /openapi.json for what there is.',
      }),
    );
  }
  const allow = [...new Set(methods)].toSorted().join(', ');
  return problemResponse(
    new ApiError('method-not-allowed', {
      asked,
      obstacle: `that address takes ${allow} only.`,
      remedy: 'See /openapi.json for what each does.',
      details: { allow },
    }),
    { allow },
  );
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  return pattern.length === path.length && pattern.every((part, i) => part.startsWith(':') || part === path[i]);
}
