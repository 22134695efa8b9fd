import { ExitCode, exitCodeFor, hostErrorKinds } from '../../host/index.ts';
import type { HostErrorCode } from '../../host/index.ts';
import { apiErrorKinds } from '../errors.ts';

/** What a refusal is over HTTP follows from what it is on the command line. docs/errors.md has this table. */
export const statusByExitCode: Readonly<Record<ExitCode, number>> = {
  [ExitCode.done]: 200,
  [ExitCode.unexpected]: 500,
  [ExitCode.usage]: 422,
  [ExitCode.notFound]: 404,
  [ExitCode.inUse]: 409,
  [ExitCode.impossible]: 422,
  [ExitCode.failed]: 500,
  [ExitCode.notAllowed]: 403,
  [ExitCode.guestCrashed]: 409,
  [ExitCode.guestScriptFailed]: 409,
  [ExitCode.interrupted]: 503,
};

/** Where HTTP has a better word: the daemon ends, or nothing is wrong with it but with a VM's process behind it. */
export const statusByCode: Readonly<Partial<Record<HostErrorCode, number>>> = {
  'manager-closing': 503,
  'vm-not-answering': 504,
  'vm-gone': 502,
};

/** The HTTP status of a refusal, by its code. A code that nobody knows is a failure of the daemon. */
export function statusOf(code: string): number {
  if (isApiCode(code)) return apiErrorKinds[code].status;
  if (code in statusByCode) return statusByCode[code as HostErrorCode] ?? 500;
  return statusByExitCode[exitCodeFor(code) ?? ExitCode.unexpected];
}

/** Every refusal of the host part with its status: what the API can answer. */
export function hostStatuses(): Record<HostErrorCode, number> {
  const codes = Object.keys(hostErrorKinds) as HostErrorCode[];
  return Object.fromEntries(codes.map((code) => [code, statusOf(code)])) as Record<HostErrorCode, number>;
}

function isApiCode(code: string): code is keyof typeof apiErrorKinds {
  return code in apiErrorKinds;
}
