import type { Storage, StorageDone, StorageError } from '../storage.ts';
import { MemoryStorage } from '../storage.ts';

/** A storage whose operations wait until a test lets them go on. */
export class HeldStorage implements Storage {
  readonly inner: MemoryStorage;
  readonly sizeBytes: number;
  readonly readOnly = false;
  /** What was asked, in order: `read 0+512`. */
  readonly log: string[] = [];
  /** The most operations that were ever under way at once. */
  most = 0;
  /** Operations end with this from now on. */
  failure: StorageError;
  #holding = true;
  readonly #held: (() => void)[] = [];
  #idleWaiters: (() => void)[] = [];

  constructor(sizeBytes: number, holding = true) {
    this.inner = new MemoryStorage(sizeBytes);
    this.sizeBytes = sizeBytes;
    this.#holding = holding;
  }

  get underWay(): number {
    return this.#held.length;
  }

  read(offset: number, target: Uint8Array, done: StorageDone): void {
    this.#ask(`read ${offset}+${target.byteLength}`, done, (end) => this.inner.read(offset, target, end));
  }

  /** Everything takes its time here. */
  readAtHand(): boolean {
    return false;
  }

  write(offset: number, source: Uint8Array, done: StorageDone): void {
    this.#ask(`write ${offset}+${source.byteLength}`, done, (end) => this.inner.write(offset, source, end));
  }

  writeAtOnce(): boolean {
    return false;
  }

  flush(done: StorageDone): void {
    this.#ask('flush', done, (end) => this.inner.flush(end));
  }

  clear(offset: number, sizeBytes: number, done: StorageDone): void {
    this.#ask(`clear ${offset}+${sizeBytes}`, done, (end) => this.inner.clear(offset, sizeBytes, end));
  }

  whenIdle(done: () => void): void {
    if (this.#held.length === 0) done();
    else this.#idleWaiters.push(done);
  }

  /** Lets the first go on, or all that wait and all that come. */
  release(): void {
    this.#holding = false;
    while (this.#held.length > 0) this.releaseOne();
  }

  releaseOne(): void {
    this.#held.shift()?.();
    if (this.#held.length > 0) return;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const waiter of waiters) waiter();
  }

  #ask(what: string, done: StorageDone, act: (end: StorageDone) => void): void {
    this.log.push(what);
    const run = (): void => (this.failure === undefined ? act(done) : done(this.failure));
    if (!this.#holding) {
      run();
      return;
    }
    this.#held.push(run);
    this.most = Math.max(this.most, this.#held.length);
  }
}
