import type { ImageFile } from './image-file.ts';

/** Bytes that go into guest RAM before the guest starts. */
export interface MemoryWrite {
  readonly gpa: number;
  readonly bytes: Uint8Array;
}

/** A part of a file that goes into guest RAM before the guest starts. */
export interface MemoryLoad {
  readonly gpa: number;
  readonly sizeBytes: number;
  readonly file: ImageFile;
  readonly offset: number;
}
