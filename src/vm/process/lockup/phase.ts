/**
 * How narrow a VM process is, the widest first. Filters of the kernel's are stacked: each may only narrow what those before it allow.
 * `exec`: from before its program is executed; set by the manager's thread that starts it.
 * `start`: from its first statement on, before it looks at anything that it was given.
 * `guest`: from before the first instruction of the guest on; everything is loaded, and all threads are there.
 */
export const PHASES = ['exec', 'start', 'guest'] as const;
export type Phase = (typeof PHASES)[number];

/** A row of a table that says what is allowed. */
export interface Row {
  /** `start`: until the guest begins; `always`: from then on, too. */
  readonly until: 'start' | 'always';
  /** What for, in plain words; it goes into docs/hardening.md. */
  readonly why: string;
}
