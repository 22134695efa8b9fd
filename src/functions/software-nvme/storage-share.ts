import type { BytePlace } from '../../linux/index.ts';
import type { Storage, StorageDone } from './storage.ts';

/** One controller's share of a storage that others use, too: it is idle when nothing of its own is under way. */
export class StorageShare implements Storage {
  readonly #storage: Storage;
  #underWay = 0;
  #idleWaiters: (() => void)[] = [];

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  get sizeBytes(): number {
    return this.#storage.sizeBytes;
  }
  get readOnly(): boolean {
    return this.#storage.readOnly;
  }
  read(offset: number, target: Uint8Array, done: StorageDone): void {
    this.#storage.read(offset, target, this.#counted(done));
  }
  readAtHand(offset: number, targets: readonly BytePlace[]): boolean {
    return this.#storage.readAtHand(offset, targets);
  }
  write(offset: number, source: Uint8Array, done: StorageDone): void {
    this.#storage.write(offset, source, this.#counted(done));
  }
  writeAtOnce(offset: number, sources: readonly BytePlace[]): boolean {
    return this.#storage.writeAtOnce(offset, sources);
  }
  flush(done: StorageDone): void {
    this.#storage.flush(this.#counted(done));
  }
  clear(offset: number, sizeBytes: number, done: StorageDone): void {
    this.#storage.clear(offset, sizeBytes, this.#counted(done));
  }

  whenIdle(done: () => void): void {
    if (this.#underWay === 0) done();
    else this.#idleWaiters.push(done);
  }

  #counted(done: StorageDone): StorageDone {
    this.#underWay += 1;
    return (error) => {
      this.#underWay -= 1;
      done(error);
      if (this.#underWay > 0) return;
      const waiters = this.#idleWaiters;
      this.#idleWaiters = [];
      for (const waiter of waiters) waiter();
    };
  }
}
