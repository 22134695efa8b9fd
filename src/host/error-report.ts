/** What a program gets to know of a refusal: one JSON shape for the terminal, `--json` and the control socket. */
export interface ErrorReport {
  readonly code: string;
  readonly message: string;
  readonly asked?: string;
  readonly obstacle?: string;
  readonly remedy?: string;
  readonly details?: unknown;
  /** When several things failed. */
  readonly errors?: readonly ErrorReport[];
}

/** Any error as a report. What isn't one of this project's refusals gets the code `unexpected`. */
export function reportOf(error: unknown): ErrorReport {
  if (error instanceof AggregateError) {
    const errors = error.errors.map(reportOf);
    return { ...(errors[0] ?? { code: 'unexpected' }), message: error.message, errors };
  }
  if (!(error instanceof Error)) return { code: 'unexpected', message: String(error) };
  const part = (name: string): string | undefined => {
    const value: unknown = Reflect.get(error, name);
    return typeof value === 'string' ? value : undefined;
  };
  const [code, asked, obstacle, remedy] = [part('code'), part('asked'), part('obstacle'), part('remedy')];
  return {
    // The codes of this project are lower case; ENOENT and the like come from somewhere that nobody thought of.
    code: code !== undefined && /^[a-z][a-z0-9-]*$/.test(code) ? code : 'unexpected',
    message: error.message,
    ...(asked === undefined ? {} : { asked }),
    ...(obstacle === undefined ? {} : { obstacle }),
    ...(remedy === undefined ? {} : { remedy }),
    ...('details' in error ? { details: error.details } : {}),
  };
}

/** A refusal that another process reported: it reads as it did there. */
export class ReportedError extends Error {
  readonly code: string;
  readonly asked: string | undefined;
  readonly obstacle: string | undefined;
  readonly remedy: string | undefined;
  readonly details: unknown;

  constructor(report: ErrorReport) {
    super(report.message);
    this.name = 'ReportedError';
    this.code = report.code;
    this.asked = report.asked;
    this.obstacle = report.obstacle;
    this.remedy = report.remedy;
    this.details = report.details;
  }
}
