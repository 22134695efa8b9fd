import { MemoryStorage, type StorageDone } from '../../src/functions/index.ts';
import type { BytePlace } from '../../src/linux/index.ts';
import type { Probe } from '../engine/probe.ts';

/** A storage that says when it is asked for what no storage has; what it is asked waits until it is let go. */
export class WatchedStorage extends MemoryStorage {
  readonly waiting: (() => void)[] = [];
  /** Operations end with this, from now on. */
  failure: Error | undefined;
  readonly #probe: Probe;

  constructor(sizeBytes: number, readOnly: boolean, probe: Probe) {
    super(sizeBytes, readOnly);
    this.#probe = probe;
  }

  override read(offset: number, target: Uint8Array, done: StorageDone): void {
    this.#ask(offset, target.byteLength, done, () => super.read(offset, target, done));
  }

  /** Every other block is at hand. */
  override readAtHand(offset: number, targets: readonly BytePlace[]): boolean {
    return this.#atOnce(offset, targets) && super.readAtHand(offset, targets);
  }

  override write(offset: number, source: Uint8Array, done: StorageDone): void {
    this.#changes();
    this.#ask(offset, source.byteLength, done, () => super.write(offset, source, done));
  }

  override writeAtOnce(offset: number, sources: readonly BytePlace[]): boolean {
    this.#changes();
    return this.#atOnce(offset, sources) && super.writeAtOnce(offset, sources);
  }

  override clear(offset: number, sizeBytes: number, done: StorageDone): void {
    this.#changes();
    this.#ask(offset, sizeBytes, done, () => super.clear(offset, sizeBytes, done));
  }

  override flush(done: StorageDone): void {
    this.waiting.push(() => done(this.failure));
  }

  override whenIdle(done: () => void): void {
    this.settle(this.waiting.length);
    done();
  }

  /** Lets the first ones go on. */
  settle(count: number): void {
    for (let left = count; left > 0; left -= 1) {
      this.#probe.work = 0;
      this.waiting.shift()?.();
    }
  }

  #changes(): void {
    this.#probe.check(!this.readOnly, 'a read-only namespace was written');
  }

  #atOnce(offset: number, parts: readonly BytePlace[]): boolean {
    this.#check(
      offset,
      parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    );
    return (offset / 512) % 2 === 0;
  }

  #ask(offset: number, sizeBytes: number, done: StorageDone, act: () => void): void {
    this.#check(offset, sizeBytes);
    this.waiting.push(() => (this.failure === undefined ? act() : done(this.failure)));
  }

  #check(offset: number, sizeBytes: number): void {
    this.#probe.step();
    const lies = offset >= 0 && sizeBytes > 0 && offset + sizeBytes <= this.sizeBytes && offset % 512 === 0;
    this.#probe.check(lies, () => `${sizeBytes} bytes at ${offset} of a storage of ${this.sizeBytes}`);
  }
}
