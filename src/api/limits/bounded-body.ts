import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { Env } from '../env.ts';
import { ApiError } from '../errors.ts';

const MAX_BODY_BYTES = 64 * 1024;
const CONSOLE = /^\/v1\/vms\/[^/]+\/console$/;

/** Bodies of the right kind only, and no more of them than fits. */
export function boundedBody(): MiddlewareHandler<Env> {
  const limit = bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: ({ req }) => {
      throw new ApiError('request-too-large', {
        asked: `${req.method} ${req.path}`,
        obstacle: `a body of more than ${MAX_BODY_BYTES} bytes is not read.`,
        remedy: 'Send it in parts.',
        details: { maxBytes: MAX_BODY_BYTES },
      });
    },
  });
  return async (context, next) => {
    const { method, path } = context.req;
    if (method === 'POST' || method === 'PUT') {
      const wanted = CONSOLE.test(path) ? 'application/octet-stream' : 'application/json';
      const given = context.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
      if (given !== wanted) {
        throw new ApiError('media-type-unsupported', {
          asked: `${method} ${path}`,
          obstacle: `the body is ${given === undefined ? 'of no stated media type' : given}.`,
          remedy: `Send ${wanted}, and say so in Content-Type.`,
          details: { wanted },
        });
      }
    }
    return limit(context, next);
  };
}
