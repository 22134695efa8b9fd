import type { Hook } from '@hono/zod-openapi';
import type { Env } from '../env.ts';
import { ApiError, type FieldProblem } from '../errors.ts';

/** What a wrong request is told: every field that can't be accepted, where it was, and why. */
export function requestInvalid(method: string, path: string, fields: readonly FieldProblem[]): ApiError {
  const list = fields.map(({ field, problem }) => `${field}: ${withoutStop(problem)}`).join('; ');
  return new ApiError('request-invalid', {
    asked: `${method} ${path}`,
    obstacle: `the request does not fit: ${list}.`,
    remedy: 'See /openapi.json for what it takes.',
    fields,
  });
}

function withoutStop(text: string): string {
  return text.endsWith('.') ? text.slice(0, -1) : text;
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly code?: string;
  readonly errors?: readonly (readonly Issue[])[];
}

/** A union names what is wrong with its nearest alternative: the one with the fewest complaints. */
function fieldsOf(issues: readonly Issue[], prefix: readonly PropertyKey[]): FieldProblem[] {
  return issues.flatMap((issue) => {
    const path = [...prefix, ...issue.path];
    const nearest = issue.errors?.toSorted((a, b) => a.length - b.length)[0];
    if (nearest !== undefined) return fieldsOf(nearest, path);
    return [{ field: path.map(String).join('.'), problem: issue.message }];
  });
}

/** Turns what a route's schemas refuse into a problem. Throws it: the application's one error handler answers. */
export const refuseInvalid: Hook<unknown, Env, string, unknown> = (result, context) => {
  if (result.success) return;
  throw requestInvalid(context.req.method, context.req.path, fieldsOf(result.error.issues, [result.target]));
};
