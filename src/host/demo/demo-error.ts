import { ExitCode } from '../errors.ts';

/** Why a demo can't be shown, or what it showed is not what it should be. docs/errors.md lists them. */
export const demoErrorKinds = {
  'demo-needs-consent': { exitCode: ExitCode.usage, when: 'Nobody said that the disk may be overwritten.' },
  'demo-not-nvme': { exitCode: ExitCode.impossible, when: 'The function is no NVMe controller.' },
  'demo-host-not-ready': { exitCode: ExitCode.impossible, when: 'The host lacks what lending takes.' },
  'demo-guest-silent': { exitCode: ExitCode.failed, when: 'The guest did not answer in time.' },
  'demo-guest-ended': { exitCode: ExitCode.failed, when: 'The guest ended before its time.' },
  'demo-guest-misspoke': { exitCode: ExitCode.failed, when: 'The guest said what makes no sense.' },
  'demo-guest-problem': { exitCode: ExitCode.failed, when: 'The guest said that it could not go on.' },
  'demo-not-ejected': { exitCode: ExitCode.failed, when: 'The guest did not let go; the function was taken away.' },
  'demo-not-counted': { exitCode: ExitCode.failed, when: 'The host was too busy to count exits.' },
  'demo-disk-missing': { exitCode: ExitCode.failed, when: "The disk did not come back with the host's driver." },
  'demo-bytes-differ': { exitCode: ExitCode.failed, when: 'What the guest wrote is not on the disk.' },
} as const satisfies Record<string, { readonly exitCode: ExitCode; readonly when: string }>;
export type DemoErrorCode = keyof typeof demoErrorKinds;

/** `message` is for people, in whole sentences. */
export class DemoError extends Error {
  override readonly name = 'DemoError';
  readonly code: DemoErrorCode;

  constructor(code: DemoErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
