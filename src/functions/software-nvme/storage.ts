import type { BytePlace } from '../../linux/index.ts';

/** How an operation ended; undefined: well. */
export type StorageError = Error | undefined;
export type StorageDone = (error: StorageError) => void;

/**
 * Where a namespace's bytes are. Offsets and sizes lie within `sizeBytes`. Each operation ends with one call of its `done`, which may come
 * before the operation returns; operations under way have no order among them.
 */
export interface Storage {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  /** Fills `target`. */
  read(offset: number, target: Uint8Array, done: StorageDone): void;
  /**
   * Fills `targets`, one after the other, now, if that takes no waiting. False: it would; what is in `targets` then is anything.
   */
  readAtHand(offset: number, targets: readonly BytePlace[]): boolean;
  write(offset: number, source: Uint8Array, done: StorageDone): void;
  /** Writes `sources`, one after the other, now, if that takes no waiting. False: it would; some of it may be written. */
  writeAtOnce(offset: number, sources: readonly BytePlace[]): boolean;
  /** What was written before outlives a power failure afterwards. */
  flush(done: StorageDone): void;
  /** The range reads zero afterwards, and takes no room where the storage knows how to give it back. */
  clear(offset: number, sizeBytes: number, done: StorageDone): void;
  /** Calls back once nothing that was asked before is under way. */
  whenIdle(done: () => void): void;
}

/** Bytes in memory, which are gone with the process. */
export class MemoryStorage implements Storage {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly bytes: Uint8Array;

  constructor(sizeBytes: number, readOnly = false) {
    this.sizeBytes = sizeBytes;
    this.readOnly = readOnly;
    this.bytes = new Uint8Array(sizeBytes);
  }

  read(offset: number, target: Uint8Array, done: StorageDone): void {
    target.set(this.bytes.subarray(offset, offset + target.byteLength));
    done(undefined);
  }

  readAtHand(offset: number, targets: readonly BytePlace[]): boolean {
    let at = offset;
    for (const { bytes, start, sizeBytes } of targets) {
      bytes.set(this.bytes.subarray(at, at + sizeBytes), start);
      at += sizeBytes;
    }
    return true;
  }

  write(offset: number, source: Uint8Array, done: StorageDone): void {
    this.bytes.set(source, offset);
    done(undefined);
  }

  writeAtOnce(offset: number, sources: readonly BytePlace[]): boolean {
    let at = offset;
    for (const { bytes, start, sizeBytes } of sources) {
      this.bytes.set(bytes.subarray(start, start + sizeBytes), at);
      at += sizeBytes;
    }
    return true;
  }

  flush(done: StorageDone): void {
    done(undefined);
  }

  clear(offset: number, sizeBytes: number, done: StorageDone): void {
    this.bytes.fill(0, offset, offset + sizeBytes);
    done(undefined);
  }

  whenIdle(done: () => void): void {
    done();
  }
}
