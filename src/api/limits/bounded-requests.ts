import type { MiddlewareHandler } from 'hono';
import type { Env } from '../env.ts';
import { ApiError } from '../errors.ts';

/** How many requests may be under way at once. Each of them may wait for a guest until its deadline. */
export const MAX_REQUESTS = 256;

/** Refuses what is beyond {@link MAX_REQUESTS}, so that a caller gone wild costs a bounded amount of memory. */
export function boundedRequests(most = MAX_REQUESTS): MiddlewareHandler<Env> {
  let running = 0;
  return async (context, next) => {
    if (running >= most) {
      throw new ApiError('daemon-busy', {
        asked: `${context.req.method} ${context.req.path}`,
        obstacle: `${most} requests are under way already.`,
        remedy: 'Ask again when some of them have been answered.',
      });
    }
    running += 1;
    try {
      await next();
    } finally {
      running -= 1;
    }
  };
}
