import type { ClientResponse } from 'hono/client';
import { type ErrorReport, ReportedError } from '../../host/index.ts';
import { ApiError } from '../errors.ts';

type Json<R> = R extends ClientResponse<infer T, infer Status, 'json'> ? (Status extends 200 ? T : never) : never;

/**
 * What the daemon answered. Throws what it refused with as ReportedError, which reads as it did there, and ApiError
 * `daemon-unreachable` for an answer that makes no sense.
 */
export async function answerOf<R extends ClientResponse<unknown, number>>(pending: Promise<R>): Promise<Json<R>> {
  const response = await successOf(pending);
  return (await jsonOf(response)) as Json<R>;
}

/** A response that is no refusal. Throws as {@link answerOf} does. */
export async function successOf(pending: Promise<Response>): Promise<Response> {
  const response = await pending;
  if (response.ok) return response;
  throw new ReportedError(reportIn(await jsonOf(response)));
}

async function jsonOf(response: Response): Promise<unknown> {
  try {
    return JSON.parse(await response.text());
  } catch (cause) {
    throw nonsense(cause);
  }
}

function reportIn(document: unknown): ErrorReport {
  if (typeof document !== 'object' || document === null) throw nonsense();
  const { code, detail, asked, obstacle, remedy, details, fields } = document as Record<string, unknown>;
  if (typeof code !== 'string' || typeof detail !== 'string') throw nonsense();
  const extra = fields === undefined ? details : { ...(typeof details === 'object' ? details : {}), fields };
  return {
    code,
    message: detail,
    ...(typeof asked === 'string' ? { asked } : {}),
    ...(typeof obstacle === 'string' ? { obstacle } : {}),
    ...(typeof remedy === 'string' ? { remedy } : {}),
    ...(extra === undefined ? {} : { details: extra }),
  };
}

function nonsense(cause?: unknown): ApiError {
  return new ApiError(
    'daemon-unreachable',
    {
      asked: 'ask the daemon',
      obstacle: 'its answer broke off or makes no sense.',
      remedy: 'Is it of the same version of dda? dda audit tells what became of the request.',
    },
    { cause },
  );
}
