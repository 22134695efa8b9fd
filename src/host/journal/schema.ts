import type { DatabaseSync } from 'node:sqlite';

/** Of the tables below; a journal of a later dda has a higher one. */
export const SCHEMA_VERSION = 1;

/** "dda1": tells SQLite files of this kind apart. */
export const APPLICATION_ID = 0x6464_6131;

const tables = `
  CREATE TABLE functions (
    name  TEXT PRIMARY KEY,
    state TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE vms (
    name        TEXT PRIMARY KEY,
    state       TEXT NOT NULL,
    spec        TEXT NOT NULL,
    process_id  INTEGER,
    start_ticks INTEGER,
    created_at  TEXT NOT NULL,
    lendings    INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE pools (
    name TEXT PRIMARY KEY
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE audit (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    at         TEXT NOT NULL,
    user_id    INTEGER NOT NULL,
    process_id INTEGER NOT NULL,
    command    TEXT NOT NULL,
    what       TEXT NOT NULL,
    target     TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    code       TEXT,
    took_ms    REAL
  ) STRICT;
`;

/** Whether the file is empty, this version's, or something else (in words). */
export function schemaOf(database: DatabaseSync): 'empty' | 'current' | { readonly unusable: string } {
  const version = pragma(database, 'user_version');
  const application = pragma(database, 'application_id');
  if (version === 0 && application === 0) {
    const { count } = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get() ?? {};
    return count === 0 ? 'empty' : { unusable: 'it is a database of something else' };
  }
  if (application !== APPLICATION_ID) return { unusable: 'it is a database of something else' };
  if (version === SCHEMA_VERSION) return 'current';
  return {
    unusable: `a later version of dda wrote it (its format is ${String(version)}, this dda knows ${SCHEMA_VERSION})`,
  };
}

export function createSchema(database: DatabaseSync): void {
  database.exec(
    `BEGIN IMMEDIATE; ${tables} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT;`,
  );
}

function pragma(database: DatabaseSync, name: string): unknown {
  return database.prepare(`PRAGMA ${name}`).get()?.[name];
}
