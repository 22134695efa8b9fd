import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { SQLOutputValue, StatementSync } from 'node:sqlite';
import { HostError } from '../errors.ts';
import type { FunctionState } from '../ownership/owner.ts';
import type { AuditEntry, AuditPage, Caller } from './audit.ts';
import type { Journalled, JournalledVm, JournalChanges, JournalPort } from './journal.ts';
import { createSchema, schemaOf } from './schema.ts';
import { decodeFunction, decodeObject, decodeVm } from './schemas.ts';

export const defaultJournalPath = '/var/lib/dda/state.db';

/** Older entries of the audit are dropped. */
const MOST_AUDIT_ENTRIES = 100_000;
/** How many more there may be before they are. */
const AUDIT_SLACK = 1_000;

export interface JournalOptions {
  /** How many entries of the audit are kept. Default 100,000. */
  readonly auditEntries?: number;
  /** False: for tests, where processes end but machines don't; what was written is with the kernel, not on the disk. */
  readonly durable?: boolean;
}

/** The journal in a SQLite file: one transaction a transition, on the disk before it returns. */
export class SqliteJournal implements JournalPort {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #auditEntries: number;
  readonly #statements = new Map<string, StatementSync>();

  /**
   * Opens the file, or makes it, with its directory open to its owner alone. Throws HostError: `journal-unusable`,
   * `manager-running` where another process has it open, `not-permitted`.
   */
  constructor(path = defaultJournalPath, options: JournalOptions = {}) {
    this.#path = path;
    this.#auditEntries = options.auditEntries ?? MOST_AUDIT_ENTRIES;
    this.#database = this.#guard('open the journal', () => openDatabase(path, options.durable ?? true));
  }

  load(): Journalled {
    return this.#guard('read the journal', () => ({
      functions: this.#run('SELECT state FROM functions ORDER BY name')
        .all()
        .map((row) => decodeFunction(text(row, 'state'))),
      vms: this.#run('SELECT * FROM vms ORDER BY name').all().map(decodeVmRow),
      pools: this.#run('SELECT name FROM pools ORDER BY name')
        .all()
        .map((row) => text(row, 'name')),
    }));
  }

  write({ functions, vms }: JournalChanges): void {
    if (functions.size + vms.size === 0) return;
    this.#guard('write the journal', () => {
      this.#database.exec('BEGIN IMMEDIATE');
      try {
        for (const [name, fn] of functions) this.#writeFunction(name, fn);
        for (const [name, vm] of vms) this.#writeVm(name, vm);
        this.#database.exec('COMMIT');
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
        throw error;
      }
    });
  }

  addPool(name: string): void {
    this.#guard('write the journal', () => this.#run('INSERT OR IGNORE INTO pools (name) VALUES (?)').run(name));
  }

  removePool(name: string): void {
    this.#guard('write the journal', () => this.#run('DELETE FROM pools WHERE name = ?').run(name));
  }

  beginAudit(at: string, by: Caller, what: string, target: Readonly<Record<string, unknown>>): AuditEntry {
    return this.#guard('write the journal', () => {
      const { lastInsertRowid } = this.#run(
        `INSERT INTO audit (at, user_id, process_id, command, what, target, outcome) VALUES (?, ?, ?, ?, ?, ?, 'pending')`,
      ).run(at, by.userId, by.processId, by.command, what, JSON.stringify(target));
      const id = Number(lastInsertRowid);
      if (id % AUDIT_SLACK === 0) this.#run('DELETE FROM audit WHERE id <= ?').run(id - this.#auditEntries);
      return { id, at, by, what, target, outcome: 'pending', code: undefined, tookMs: undefined };
    });
  }

  endAudit(id: number, outcome: 'done' | 'refused' | 'failed', code: string | undefined, tookMs: number): AuditEntry {
    return this.#guard('write the journal', () => {
      const row = this.#run('UPDATE audit SET outcome = ?, code = ?, took_ms = ? WHERE id = ? RETURNING *').get(
        outcome,
        code ?? null,
        tookMs,
        id,
      );
      if (row === undefined) throw new Error(`the audit has no entry ${id}`);
      return decodeAuditRow(row);
    });
  }

  audit(limit: number, before: number | undefined): AuditPage {
    return this.#guard('read the journal', () => {
      const rows = this.#run('SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?').all(
        before ?? Number.MAX_SAFE_INTEGER,
        // One more tells whether there are any.
        limit + 1,
      );
      const entries = rows.slice(0, limit).map(decodeAuditRow);
      return { entries, next: rows.length > limit ? entries.at(-1)?.id : undefined };
    });
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #writeFunction(name: string, fn: FunctionState | undefined): void {
    if (fn === undefined) this.#run('DELETE FROM functions WHERE name = ?').run(name);
    else this.#run('INSERT OR REPLACE INTO functions (name, state) VALUES (?, ?)').run(name, JSON.stringify(fn));
  }

  #writeVm(name: string, vm: JournalledVm | undefined): void {
    if (vm === undefined) {
      this.#run('DELETE FROM vms WHERE name = ?').run(name);
      return;
    }
    const { state, spec, process, createdAt, lendings } = vm;
    this.#run(
      'INSERT OR REPLACE INTO vms (name, state, spec, process_id, start_ticks, created_at, lendings) VALUES (?, ?, ?, ?, ?, ?, ?)',
    ).run(
      name,
      JSON.stringify(state),
      JSON.stringify(spec),
      process?.processId ?? null,
      process?.startTicks ?? null,
      createdAt,
      lendings,
    );
  }

  #run(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #guard<T>(asked: string, act: () => T): T {
    try {
      return act();
    } catch (cause) {
      if (cause instanceof HostError || !(cause instanceof Error)) throw cause;
      throw refusal(asked, this.#path, cause);
    }
  }
}

function openDatabase(path: string, durable: boolean): DatabaseSync {
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const { mode } = statSync(directory);
  if ((mode & 0o022) !== 0) throw new Error(`others than its owner may write to ${directory}`);
  // SQLite gives its other files the mode of this one.
  closeSync(openSync(path, 'a', 0o600));
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // Exclusive: two managers must not both believe that they own the machine.
    const synchronous = durable ? 'FULL' : 'OFF';
    database.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous};`);
    database.exec('BEGIN IMMEDIATE; COMMIT;');
    const schema = schemaOf(database);
    if (schema === 'empty') createSchema(database);
    else if (schema !== 'current') throw new Error(schema.unusable);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** SQLite: SQLITE_BUSY. */
const busy = 5;

function refusal(asked: string, path: string, cause: Error): HostError {
  const code: unknown = Reflect.get(cause, 'code');
  if (Reflect.get(cause, 'errcode') === busy) {
    return new HostError(
      'manager-running',
      {
        asked,
        obstacle: `another process has ${path} open: a manager runs already.`,
        remedy: 'Use that one, or end it first: systemctl stop dda',
        details: { path },
      },
      { cause },
    );
  }
  const isDenied = code === 'EACCES' || code === 'EPERM';
  return new HostError(
    isDenied ? 'not-permitted' : 'journal-unusable',
    {
      asked,
      obstacle: isDenied ? `only root may use ${path}.` : `${path}: ${cause.message}.`,
      remedy: isDenied
        ? 'Run it as root.'
        : 'Look whether the disk is full or the file is another one; with a journal put aside, dda starts from what it sees.',
      details: { path },
    },
    { cause },
  );
}

type Row = Record<string, SQLOutputValue>;

function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new Error(`${column} is no text`);
  return value;
}

function number(row: Row, column: string): number | undefined {
  const value = row[column];
  return typeof value === 'number' ? value : undefined;
}

function decodeVmRow(row: Row): JournalledVm {
  const [processId, startTicks] = [number(row, 'process_id'), number(row, 'start_ticks')];
  const spec: unknown = JSON.parse(text(row, 'spec'));
  return {
    state: decodeVm(text(row, 'state')),
    spec,
    process: processId === undefined || startTicks === undefined ? undefined : { processId, startTicks },
    createdAt: text(row, 'created_at'),
    lendings: number(row, 'lendings') ?? 0,
  };
}

function decodeAuditRow(row: Row): AuditEntry {
  const outcome = text(row, 'outcome');
  if (outcome !== 'pending' && outcome !== 'done' && outcome !== 'refused' && outcome !== 'failed') {
    throw new Error(`${outcome} is no outcome`);
  }
  return {
    id: number(row, 'id') ?? 0,
    at: text(row, 'at'),
    by: {
      userId: number(row, 'user_id') ?? 0,
      processId: number(row, 'process_id') ?? 0,
      command: text(row, 'command'),
    },
    what: text(row, 'what'),
    target: decodeObject(text(row, 'target')),
    outcome,
    code: row['code'] === null ? undefined : text(row, 'code'),
    tookMs: number(row, 'took_ms'),
  };
}
