/** One 4 KiB page of guest RAM as the host maps it. The guest may change it at any moment. */
export interface GuestPage {
  /** 4096 bytes. */
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  /** The same page as 1024 32-bit words, for `Atomics`. */
  readonly words: Int32Array<SharedArrayBuffer>;
}

/**
 * Guest RAM as the contract sees it. Addresses are guest-physical bytes (`gpa`) or page numbers (`gpn` = gpa / 4096), as
 * safe integers; a 64-bit value from a guest is bounded before it becomes one.
 */
export interface GuestMemory {
  /** Whether `sizeBytes` bytes from `gpa` on are all guest RAM. False for anything that isn't a safe integer ≥ 0. */
  contains(gpa: number, sizeBytes: number): boolean;
  /** Copies guest RAM out. False, and nothing copied, when the range isn't all RAM. */
  copyOut(gpa: number, target: Uint8Array): boolean;
  /** Copies into guest RAM. False, and nothing written, when the range isn't all RAM. */
  copyIn(gpa: number, source: Uint8Array): boolean;
  /** The page with number `gpn`, or undefined where there is no RAM. */
  page(gpn: number): GuestPage | undefined;
}
