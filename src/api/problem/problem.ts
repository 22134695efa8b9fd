import { errorKinds, reportOf } from '../../host/index.ts';
import type { ErrorReport } from '../../host/index.ts';
import { ApiError, apiErrorKinds } from '../errors.ts';
import type { Problem } from '../schemas/problem.ts';
import { statusOf } from './status.ts';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';
/** RFC 9457 asks for a URI: this one names the kind, and leads nowhere. */
const TYPE_PREFIX = 'urn:dda:problem:';

/** Any error as RFC 9457 problem details. Of what nobody planned for, only the code `unexpected` and the message go out. */
export function problemOf(error: unknown): Problem {
  const report = reportOf(error);
  const fields = error instanceof ApiError ? error.fields : undefined;
  return {
    type: `${TYPE_PREFIX}${report.code}`,
    title: titleOf(report.code),
    status: statusOf(report.code),
    detail: report.message,
    code: report.code,
    ...(report.asked === undefined ? {} : { asked: report.asked }),
    ...(report.obstacle === undefined ? {} : { obstacle: report.obstacle }),
    ...(report.remedy === undefined ? {} : { remedy: report.remedy }),
    ...(report.details === undefined ? {} : { details: report.details }),
    ...(fields === undefined ? {} : { fields: [...fields] }),
    ...(report.errors === undefined
      ? {}
      : { errors: report.errors.map(({ code, message }: ErrorReport) => ({ code, message })) }),
  };
}

export function problemResponse(error: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  const problem = problemOf(error);
  const retry = problem.status === 503 ? { 'retry-after': '1' } : {};
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { 'content-type': PROBLEM_MEDIA_TYPE, ...retry, ...headers },
  });
}

function titleOf(code: string): string {
  const kinds: Readonly<Record<string, { readonly when: string }>> = apiErrorKinds;
  return (kinds[code] ?? errorKinds[code])?.when ?? 'Something that this version of dda has no words for.';
}
