import { close, fdatasync, read, write } from 'node:fs';
import { type AtOnce, type BytePlace, punchHole, readInto, writeFrom } from '../../linux/index.ts';
import type { Storage, StorageDone } from './storage.ts';

/** A file that somebody has opened. */
export interface OpenFile {
  readonly fd: number;
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  /** Its file system is memory: reading from it and writing to it never waits for a device. */
  readonly inMemory: boolean;
}

/** Where a file system can't give room back, zeros are written, so many at once. */
const zeros = new Uint8Array(2 ** 20);

/**
 * A file of this host. Its operations run on Node's threads, so that no slow disk keeps the VM's own from its work; what the
 * page cache has, or takes, without waiting is read and written at once, which takes a twentieth of the time.
 */
export class FileStorage implements Storage {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly #fd: number;
  readonly #inMemory: boolean;
  /** Until the file system says that it can't. */
  #mayReadAtOnce = true;
  #mayWriteAtOnce = true;
  #underWay = 0;
  #idleWaiters: (() => void)[] = [];
  #punches = true;
  #closed = false;

  /** Takes over `fd`, which reads and, unless `readOnly`, writes. It opens nothing, now or later. */
  constructor({ fd, sizeBytes, readOnly, inMemory }: OpenFile) {
    this.#fd = fd;
    this.sizeBytes = sizeBytes;
    this.readOnly = readOnly;
    this.#inMemory = inMemory;
  }

  read(offset: number, target: Uint8Array, done: StorageDone): void {
    this.#begin(done, (end) => this.#read(offset, target, end));
  }

  readAtHand(offset: number, targets: readonly BytePlace[]): boolean {
    if (this.#closed || !this.#mayReadAtOnce) return false;
    const outcome = readInto(this.#fd, targets, offset, this.#inMemory);
    if (outcome === 'never') this.#mayReadAtOnce = false;
    return isDone(outcome);
  }

  writeAtOnce(offset: number, sources: readonly BytePlace[]): boolean {
    if (this.#closed || !this.#mayWriteAtOnce) return false;
    const outcome = writeFrom(this.#fd, sources, offset, this.#inMemory);
    if (outcome === 'never') this.#mayWriteAtOnce = false;
    return isDone(outcome);
  }

  write(offset: number, source: Uint8Array, done: StorageDone): void {
    this.#begin(done, (end) => this.#write(offset, source, end));
  }

  flush(done: StorageDone): void {
    this.#begin(done, (end) => fdatasync(this.#fd, (error) => end(error ?? undefined)));
  }

  clear(offset: number, sizeBytes: number, done: StorageDone): void {
    this.#begin(done, (end) => {
      if (!this.#punches) return this.#writeZeros(offset, sizeBytes, end);
      punchHole(this.#fd, offset, sizeBytes).then((punched) => {
        if (punched) return end(undefined);
        this.#punches = false;
        return this.#writeZeros(offset, sizeBytes, end);
      }, end);
    });
  }

  whenIdle(done: () => void): void {
    if (this.#underWay === 0) done();
    else this.#idleWaiters.push(done);
  }

  /** Once nothing is under way. What is asked afterwards fails. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // Closing ends the lock; there is nobody to tell what became of it.
    this.whenIdle(() => close(this.#fd, () => undefined));
  }

  #begin(done: StorageDone, act: (end: StorageDone) => void): void {
    if (this.#closed) {
      done(new Error('the file is closed'));
      return;
    }
    this.#underWay += 1;
    act((error) => {
      this.#underWay -= 1;
      done(error);
      if (this.#underWay > 0) return;
      const waiters = this.#idleWaiters;
      this.#idleWaiters = [];
      for (const waiter of waiters) waiter();
    });
  }

  #read(offset: number, target: Uint8Array, end: StorageDone): void {
    read(this.#fd, target, 0, target.byteLength, offset, (error, count) => {
      if (error !== null) return end(error);
      if (count === 0) return end(new Error(`the file ends at byte ${offset}: somebody has cut it off`));
      if (count === target.byteLength) return end(undefined);
      this.#read(offset + count, target.subarray(count), end);
    });
  }

  #write(offset: number, source: Uint8Array, end: StorageDone): void {
    write(this.#fd, source, 0, source.byteLength, offset, (error, count) => {
      if (error !== null) return end(error);
      if (count === source.byteLength) return end(undefined);
      this.#write(offset + count, source.subarray(count), end);
    });
  }

  #writeZeros(offset: number, sizeBytes: number, end: StorageDone): void {
    const part = Math.min(sizeBytes, zeros.byteLength);
    if (part === 0) return end(undefined);
    this.#write(offset, zeros.subarray(0, part), (error) => {
      if (error !== undefined) return end(error);
      this.#writeZeros(offset + part, sizeBytes - part, end);
    });
  }
}

/** What went wrong, if something did, the same at leisure tells. */
const isDone = (outcome: AtOnce): boolean => outcome === 'done';
