/** Bytes that go into guest RAM before the guest starts. */
export interface MemoryWrite {
  readonly gpa: number;
  readonly bytes: Uint8Array;
}
