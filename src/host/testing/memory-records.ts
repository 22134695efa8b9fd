import type { LockOwner, LockResult, RecordStore } from '../moves/ports.ts';
import type { AutoprobeNote, DismountRecord, ProcessMark, StuckAct } from '../moves/record.ts';

/** Records in memory, for tests. */
export class MemoryRecords implements RecordStore {
  readonly dismounted = new Map<string, DismountRecord>();
  readonly stuck = new Map<string, StuckAct>();
  readonly autoprobe = new Map<string, AutoprobeNote>();
  readonly locks = new Map<string, LockOwner>();

  list(): ReadonlyMap<string, DismountRecord> {
    return new Map(this.dismounted);
  }

  get(name: string): DismountRecord | undefined {
    return this.dismounted.get(name);
  }

  write(record: DismountRecord): void {
    this.dismounted.set(record.function, record);
  }

  remove(name: string): void {
    this.dismounted.delete(name);
  }

  listStuck(): ReadonlyMap<string, StuckAct> {
    return new Map(this.stuck);
  }

  writeStuck(act: StuckAct): void {
    this.stuck.set(act.function, act);
  }

  removeStuck(name: string): void {
    this.stuck.delete(name);
  }

  listAutoprobe(): ReadonlyMap<string, AutoprobeNote> {
    return new Map(this.autoprobe);
  }

  getAutoprobe(name: string): AutoprobeNote | undefined {
    return this.autoprobe.get(name);
  }

  writeAutoprobe(note: AutoprobeNote): void {
    this.autoprobe.set(note.function, note);
  }

  removeAutoprobe(name: string): void {
    this.autoprobe.delete(name);
  }

  releaseDead(isAlive: (mark: ProcessMark) => boolean): void {
    for (const [key, holder] of this.locks) if (!isAlive(holder)) this.locks.delete(key);
  }

  lock(key: string, owner: LockOwner, isAlive: (mark: ProcessMark) => boolean): LockResult {
    const holder = this.locks.get(key);
    if (holder !== undefined && isAlive(holder)) return { locked: false, owner: holder };
    this.locks.set(key, owner);
    return { locked: true, release: () => this.locks.delete(key) };
  }
}
