import { apiErrorKinds } from '../api/index.ts';
import { ExitCode, errorKinds as hostKinds } from '../host/index.ts';

/** Every code that a command can end with, with its exit code. docs/errors.md lists them; a test holds the two together. */
export const errorKinds: Readonly<Record<string, { readonly exitCode: ExitCode; readonly when: string }>> = {
  usage: {
    exitCode: ExitCode.usage,
    when: "A command, option or argument that dda doesn't have, or one that is missing.",
  },
  ...hostKinds,
  ...Object.fromEntries(Object.entries(apiErrorKinds).map(([code, { exitCode, when }]) => [code, { exitCode, when }])),
};

export function exitCodeFor(code: string): ExitCode {
  return errorKinds[code]?.exitCode ?? ExitCode.impossible;
}
