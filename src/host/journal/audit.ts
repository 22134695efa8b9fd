/** Who asked: from the socket's peer credentials. */
export interface Caller {
  readonly userId: number;
  readonly processId: number;
  /** The program's name. */
  readonly command: string;
}

/** One request and what became of it. */
export interface AuditEntry {
  /** Grows with time. */
  readonly id: number;
  /** ISO 8601: when it was asked. */
  readonly at: string;
  readonly by: Caller;
  /** `dismount`, `add` … */
  readonly what: string;
  /** What it was about, as JSON: the request. */
  readonly target: Readonly<Record<string, unknown>>;
  /** `pending`: under way, or the manager ended before it was done. */
  readonly outcome: 'pending' | 'done' | 'refused' | 'failed';
  /** The refusal's code. */
  readonly code: string | undefined;
  /** Milliseconds until the outcome. */
  readonly tookMs: number | undefined;
}

export interface AuditPage {
  /** Latest first. */
  readonly entries: readonly AuditEntry[];
  /** Give this as `before` for the next page; undefined: that was all. */
  readonly next: number | undefined;
}
