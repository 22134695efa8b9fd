import { ExitCode } from '../errors.ts';

/** Why a demo can't be shown, or what it showed is not what it should be. docs/errors.md lists them. */
export const demoErrorKinds = {
  'demo-needs-consent': ExitCode.usage,
  'demo-host-not-ready': ExitCode.impossible,
  'demo-not-nvme': ExitCode.impossible,
  'demo-guest-silent': ExitCode.failed,
  'demo-guest-ended': ExitCode.failed,
  'demo-guest-misspoke': ExitCode.failed,
  'demo-guest-problem': ExitCode.failed,
  'demo-not-ejected': ExitCode.failed,
  'demo-disk-missing': ExitCode.failed,
  'demo-bytes-differ': ExitCode.failed,
} as const satisfies Record<string, ExitCode>;
export type DemoErrorCode = keyof typeof demoErrorKinds;

/** `message` is for people, in whole sentences. */
export class DemoError extends Error {
  override readonly name = 'DemoError';
  readonly code: DemoErrorCode;

  constructor(code: DemoErrorCode, message: string) {
    super(message);
    this.code = code;
  }

  get exitCode(): ExitCode {
    return demoErrorKinds[this.code];
  }
}
