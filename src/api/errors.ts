import { ExitCode } from '../host/index.ts';

interface ApiErrorKind {
  readonly status: number;
  readonly exitCode: ExitCode;
  /** When it comes, in one sentence: the table in docs/errors.md says the same. */
  readonly when: string;
}

/** Refusals of the API and the daemon themselves, by their stable code. docs/errors.md lists them; a test holds the two together. */
export const apiErrorKinds = {
  'request-malformed': { status: 400, exitCode: ExitCode.usage, when: 'The request is not JSON, or not HTTP.' },
  'request-invalid': {
    status: 422,
    exitCode: ExitCode.usage,
    when: 'A field of the request is missing, unknown or has a wrong value; `fields` lists them.',
  },
  'media-type-unsupported': {
    status: 415,
    exitCode: ExitCode.usage,
    when: "The request's body is of another media type than the API takes there.",
  },
  'request-too-large': { status: 413, exitCode: ExitCode.usage, when: "The request's body is larger than 64 KiB." },
  'request-too-slow': { status: 408, exitCode: ExitCode.usage, when: 'The request was not there in time.' },
  'no-such-resource': { status: 404, exitCode: ExitCode.notFound, when: 'The API has nothing at that address.' },
  'method-not-allowed': {
    status: 405,
    exitCode: ExitCode.usage,
    when: 'The API has something there, but not with that method.',
  },
  'caller-not-allowed': {
    status: 403,
    exitCode: ExitCode.notAllowed,
    when: 'The caller is neither root nor in the group `dda`.',
  },
  'daemon-busy': { status: 503, exitCode: ExitCode.inUse, when: 'Too many requests or streams at once.' },
  'daemon-stopping': { status: 503, exitCode: ExitCode.inUse, when: 'The daemon is about to end.' },
  'daemon-running': {
    status: 409,
    exitCode: ExitCode.inUse,
    when: 'A daemon runs already on this host or with that state directory, or owns what the command would move itself.',
  },
  'daemon-not-running': {
    status: 503,
    exitCode: ExitCode.notFound,
    when: 'The command needs the daemon, and none answers at the socket.',
  },
  'daemon-unreachable': {
    status: 502,
    exitCode: ExitCode.failed,
    when: 'The daemon went away in the middle of an answer, or the answer makes no sense.',
  },
  'private-daemon-failed': {
    status: 500,
    exitCode: ExitCode.failed,
    when: 'The private daemon of a command did not start, or ended before its time.',
  },
  'daemon-setup-failed': {
    status: 500,
    exitCode: ExitCode.failed,
    when: "The daemon's socket or state directory could not be set up.",
  },
} as const satisfies Record<string, ApiErrorKind>;
export type ApiErrorCode = keyof typeof apiErrorKinds;

/** One field of a request that can't be accepted. */
export interface FieldProblem {
  /** `json.functions.0`, `query.limit`: where it was in the request. */
  readonly field: string;
  readonly problem: string;
}

export interface ApiErrorParts {
  /** What was asked, as it continues "Can't …". */
  readonly asked: string;
  /** What stood in the way: a whole sentence. */
  readonly obstacle: string;
  /** What to do now: a whole sentence. */
  readonly remedy: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly fields?: readonly FieldProblem[];
}

/** A refusal of the API or the daemon, read like every other: what was asked, what stood in the way, what to do now. */
export class ApiError extends Error {
  readonly code: ApiErrorCode;
  readonly asked: string;
  readonly obstacle: string;
  readonly remedy: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly fields: readonly FieldProblem[] | undefined;

  constructor(code: ApiErrorCode, parts: ApiErrorParts, options?: ErrorOptions) {
    super(`Can't ${parts.asked}: ${parts.obstacle} ${parts.remedy}`, options);
    this.name = 'ApiError';
    this.code = code;
    this.asked = parts.asked;
    this.obstacle = parts.obstacle;
    this.remedy = parts.remedy;
    this.details = parts.details ?? {};
    this.fields = parts.fields;
  }
}
