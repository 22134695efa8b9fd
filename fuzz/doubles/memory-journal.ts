import type { AuditEntry, AuditPage, Caller } from '../../src/host/journal/audit.ts';
import type { Journalled, JournalledVm, JournalChanges, JournalPort } from '../../src/host/journal/journal.ts';
import type { FunctionState } from '../../src/host/ownership/owner.ts';

/** A journal without a disk. It outlives a manager, and gives back what went through JSON, as the real one does. */
export class MemoryJournal implements JournalPort {
  readonly #functions = new Map<string, string>();
  readonly #vms = new Map<string, string>();
  readonly #pools = new Set<string>();
  readonly #audit = new Map<number, AuditEntry>();

  load(): Journalled {
    return {
      functions: [...this.#functions.values()].map((text) => JSON.parse(text) as FunctionState),
      vms: [...this.#vms.values()].map((text) => JSON.parse(text) as JournalledVm),
      pools: [...this.#pools],
    };
  }

  write({ functions, vms }: JournalChanges): void {
    for (const [name, fn] of functions) put(this.#functions, name, fn);
    for (const [name, vm] of vms) put(this.#vms, name, vm);
  }

  addPool(name: string): void {
    this.#pools.add(name);
  }

  removePool(name: string): void {
    this.#pools.delete(name);
  }

  beginAudit(at: string, by: Caller, what: string, target: Readonly<Record<string, unknown>>): AuditEntry {
    const id = this.#audit.size + 1;
    const entry: AuditEntry = { id, at, by, what, target, outcome: 'pending', code: undefined, tookMs: undefined };
    this.#audit.set(id, entry);
    return entry;
  }

  endAudit(id: number, outcome: 'done' | 'refused' | 'failed', code: string | undefined, tookMs: number): AuditEntry {
    const begun = this.#audit.get(id);
    if (begun === undefined) throw new Error(`the audit has no entry ${id}`);
    const entry = { ...begun, outcome, code, tookMs };
    this.#audit.set(id, entry);
    return entry;
  }

  audit(limit: number): AuditPage {
    return { entries: [...this.#audit.values()].toReversed().slice(0, limit), next: undefined };
  }

  close(): void {
    // A later manager reads on.
  }
}

function put(table: Map<string, string>, name: string, value: unknown): void {
  if (value === undefined) table.delete(name);
  else table.set(name, JSON.stringify(value));
}
