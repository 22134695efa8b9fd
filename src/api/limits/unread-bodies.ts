import type { MiddlewareHandler } from 'hono';
import type { Env } from '../env.ts';

/**
 * Ends the body of an answer to HEAD, which is made as for GET and then read by nobody (RFC 9110, 9.3.2): a stream that was begun for it
 * would keep its place among those that may be open until the daemon ends.
 */
export function unreadBodies(): MiddlewareHandler<Env> {
  return async (context, next) => {
    await next();
    if (context.req.method === 'HEAD') await context.res.body?.cancel();
  };
}
