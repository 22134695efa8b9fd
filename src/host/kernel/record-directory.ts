import { linkSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HostError } from '../errors.ts';
import type { LockOwner, LockResult, RecordStore } from '../moves/ports.ts';
import { decodeAutoprobe, decodeRecord, decodeStuckAct, encodeRecord } from '../moves/record.ts';
import type { AutoprobeNote, DismountRecord, ProcessMark, StuckAct } from '../moves/record.ts';

/** Where dda keeps its records. Emptied by a restart of the host, which also undoes every dismount. */
export const recordDirectory = '/run/dda';

/** Records as small JSON files, each replaced as a whole, so that a process killed in between leaves the old or the new one. */
export class RecordDirectory implements RecordStore {
  readonly #path: string;

  constructor(path = recordDirectory) {
    this.#path = path;
  }

  list(): ReadonlyMap<string, DismountRecord> {
    return this.#readAll('dismounted', decodeRecord);
  }

  get(name: string): DismountRecord | undefined {
    return this.#read('dismounted', name, decodeRecord);
  }

  write(record: DismountRecord): void {
    this.#replace('dismounted', record.function, encodeRecord(record));
  }

  remove(name: string): void {
    this.#guard(`forget ${name}`, () => rmSync(this.#file('dismounted', name), { force: true }));
  }

  listStuck(): ReadonlyMap<string, StuckAct> {
    return this.#readAll('stuck', decodeStuckAct);
  }

  writeStuck(act: StuckAct): void {
    this.#replace('stuck', act.function, encodeRecord(act));
  }

  removeStuck(name: string): void {
    this.#guard(`forget ${name}`, () => rmSync(this.#file('stuck', name), { force: true }));
  }

  listAutoprobe(): ReadonlyMap<string, AutoprobeNote> {
    return this.#readAll('autoprobe', decodeAutoprobe);
  }

  getAutoprobe(name: string): AutoprobeNote | undefined {
    return this.#read('autoprobe', name, decodeAutoprobe);
  }

  writeAutoprobe(note: AutoprobeNote): void {
    this.#replace('autoprobe', note.function, encodeRecord(note));
  }

  removeAutoprobe(name: string): void {
    this.#guard(`forget ${name}`, () => rmSync(this.#file('autoprobe', name), { force: true }));
  }

  lock(key: string, owner: LockOwner, isAlive: (mark: ProcessMark) => boolean): LockResult {
    return this.#guard(`lock ${key}`, () => {
      const path = this.#file('locks', key);
      const own = `${path}.${owner.processId}`;
      mkdirSync(join(this.#path, 'locks'), { recursive: true });
      writeFileSync(own, JSON.stringify(owner));
      try {
        // A link appears whole or not at all. Twice: the second time after a lock whose owner is dead was put aside.
        for (const attempt of [1, 2]) {
          if (linkUnlessPresent(own, path)) return { locked: true, release: () => rmSync(path, { force: true }) };
          const holder = readOwner(path);
          if (holder !== undefined && isAlive(holder)) return { locked: false, owner: holder };
          if (attempt === 1) putAside(path, `${own}.stale`, holder);
        }
        return { locked: false, owner: undefined };
      } finally {
        rmSync(own, { force: true });
      }
    });
  }

  releaseDead(isAlive: (mark: ProcessMark) => boolean): void {
    const directory = join(this.#path, 'locks');
    this.#guard(`read ${directory}`, () => {
      for (const file of namesIn(directory)) {
        if (!file.endsWith('.json')) continue;
        const path = join(directory, file);
        const holder = readOwner(path);
        if (holder === undefined || !isAlive(holder)) putAside(path, `${path}.${process.pid}.stale`, holder);
      }
    });
  }

  #read<T>(kind: string, name: string, decode: (text: string) => T | undefined): T | undefined {
    const path = this.#file(kind, name);
    return this.#guard(`read ${path}`, () => {
      const text = readIfPresent(path);
      return text === undefined ? undefined : decoded(path, text, decode);
    });
  }

  #readAll<T>(kind: string, decode: (text: string) => T | undefined): ReadonlyMap<string, T> {
    const directory = join(this.#path, kind);
    return this.#guard(`read ${directory}`, () => {
      const found = new Map<string, T>();
      for (const file of namesIn(directory)) {
        if (!file.endsWith('.json')) continue;
        const text = readIfPresent(join(directory, file));
        if (text === undefined) continue;
        found.set(file.slice(0, -'.json'.length), decoded(join(directory, file), text, decode));
      }
      return found;
    });
  }

  #replace(kind: string, name: string, text: string): void {
    this.#guard(`note ${name}`, () => {
      mkdirSync(join(this.#path, kind), { recursive: true });
      const path = this.#file(kind, name);
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
    });
  }

  #file(kind: string, name: string): string {
    return join(this.#path, kind, `${name}.json`);
  }

  #guard<T>(asked: string, act: () => T): T {
    try {
      return act();
    } catch (cause) {
      if (!(cause instanceof Error)) throw cause;
      const denied = errorCode(cause) === 'EACCES' || errorCode(cause) === 'EPERM';
      throw new HostError(
        denied ? 'not-permitted' : 'record-unusable',
        {
          asked,
          obstacle: denied ? `only root may write below ${this.#path}.` : `${cause.message}.`,
          remedy: denied
            ? 'Run it as root: sudo dda …'
            : `Look at the files below ${this.#path}; remove what is broken.`,
          details: { directory: this.#path },
        },
        { cause },
      );
    }
  }
}

function decoded<T>(path: string, text: string, decode: (text: string) => T | undefined): T {
  const record = decode(text);
  if (record === undefined) throw new Error(`${path} is no record that this version of dda understands`);
  return record;
}

function linkUnlessPresent(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Moves a dead owner's lock away. Somebody else may have done so and locked anew meanwhile: then theirs is put back. */
function putAside(path: string, aside: string, stale: LockOwner | undefined): void {
  try {
    renameSync(path, aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  const moved = readOwner(aside);
  if (moved?.processId !== stale?.processId || moved?.startTicks !== stale?.startTicks) linkUnlessPresent(aside, path);
  rmSync(aside, { force: true });
}

function readOwner(path: string): LockOwner | undefined {
  const text = readIfPresent(path);
  if (text === undefined) return undefined;
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) return undefined;
  const { processId, startTicks, command } = value as Record<string, unknown>;
  if (typeof processId !== 'number' || typeof startTicks !== 'number' || typeof command !== 'string') return undefined;
  return { processId, startTicks, command };
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).toSorted();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
