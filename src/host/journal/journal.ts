import type { ProcessMark } from '../moves/record.ts';
import type { FunctionState, VmState } from '../ownership/owner.ts';
import type { AuditEntry, AuditPage, Caller } from './audit.ts';

/** A VM as the journal has it: its state, and what it takes to find it again or to tell of it. */
export interface JournalledVm {
  readonly state: VmState;
  /** JSON as it was given. */
  readonly spec: unknown;
  /** Undefined: its process was not known yet. */
  readonly process: ProcessMark | undefined;
  /** ISO 8601. */
  readonly createdAt: string;
  /** How many functions it was lent so far. */
  readonly lendings: number;
}

export interface Journalled {
  readonly functions: readonly FunctionState[];
  readonly vms: readonly JournalledVm[];
  readonly pools: readonly string[];
}

/** What becomes durable at once, all or nothing. Undefined: it is no more. */
export interface JournalChanges {
  readonly functions: ReadonlyMap<string, FunctionState | undefined>;
  readonly vms: ReadonlyMap<string, JournalledVm | undefined>;
}

/** What the manager remembers. Everything it writes is on the disk when the call returns. All throw HostError `journal-unusable`. */
export interface JournalPort {
  load(): Journalled;
  write(changes: JournalChanges): void;
  addPool(name: string): void;
  removePool(name: string): void;
  /** A request begins. Gives the entry. */
  beginAudit(at: string, by: Caller, what: string, target: Readonly<Record<string, unknown>>): AuditEntry;
  endAudit(id: number, outcome: 'done' | 'refused' | 'failed', code: string | undefined, tookMs: number): AuditEntry;
  /** At most `limit` entries before the one with that id, latest first. */
  audit(limit: number, before: number | undefined): AuditPage;
  close(): void;
}
