/**
 * The seam between a PCI function that can be lent out and whoever borrows it. A borrower sees nothing else of a
 * device, so physical and software functions are assigned, ejected and revoked by the same code.
 */

/** What a bus scan reads from the first 64 bytes of a function's configuration space. */
export interface FunctionIdentity {
  readonly vendorId: number;
  readonly deviceId: number;
  readonly revisionId: number;
  readonly programmingInterface: number;
  readonly subClass: number;
  readonly baseClass: number;
  readonly subsystemVendorId: number;
  readonly subsystemId: number;
}

/** A memory BAR. A 64-bit BAR also takes the register at `index + 1`. I/O BARs are never shown to a guest. */
export interface BarShape {
  readonly index: number;
  readonly kind: 'memory32' | 'memory64';
  readonly prefetchable: boolean;
  /** A power of two; at least 4096: smaller BARs are shown as one page. */
  readonly sizeBytes: number;
}

/**
 * A page-aligned part of a BAR. `direct`: host memory at `hostAddress` (a virtual address in this process, valid while
 * the function is attached) that the borrower maps straight into the guest. `trapped`: every write goes to
 * {@link PciFunction.writeBar}; reads too, unless `imageAddress` names host memory that always holds what a read
 * would return, which the borrower may map read-only. While `imageWritable`, writes mean nothing yet and may go to that
 * memory unnoticed; {@link FunctionBorrower.imageAccessChanged} tells when that changes.
 */
export type BarRegion =
  | {
      readonly access: 'direct';
      readonly offsetBytes: number;
      readonly sizeBytes: number;
      readonly hostAddress: bigint;
    }
  | {
      readonly access: 'trapped';
      readonly offsetBytes: number;
      readonly sizeBytes: number;
      readonly imageAddress: bigint | undefined;
      readonly imageWritable: boolean;
    };

/**
 * A register of a trapped part at which a write only says that there is news, whatever is written: the kernel may signal `eventFd`
 * in the place of a call to {@link PciFunction.writeBar}. The function hears it, and closes it.
 */
export interface BarDoorbell {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly eventFd: number;
}

/** The (address, data) pair that a guest has programmed for one MSI or MSI-X vector. */
export interface MsiMessage {
  readonly address: bigint;
  readonly data: number;
}

/** Guest memory for DMA: guest-physical `gpa` is backed by this process's memory at `hostAddress`. */
export interface DmaRegion {
  readonly gpa: number;
  readonly sizeBytes: number;
  readonly hostAddress: bigint;
  /** The same memory, for functions that are software. */
  readonly bytes: Uint8Array;
}

/** What a function tells its borrower. Calls come on the thread that called into the function, or from its event loop. */
export interface FunctionBorrower {
  /** The guest set or cleared memory decoding, or moved a BAR while decoding: `gpa` undefined means "not decoded". */
  barMoved(barIndex: number, gpa: number | undefined): void;
  /**
   * `imageWritable` of regions of this BAR has changed. When this returns, every write to an image that isn't writable any more
   * comes to {@link PciFunction.writeBar}.
   */
  imageAccessChanged(barIndex: number): void;
  /** What {@link PciFunction.doorbells} gives for this BAR has changed. When this returns, those that it gave before are of no use. */
  doorbellsChanged(barIndex: number): void;
  /** Vector `vector` may now fire with `message`; undefined: it is masked, disabled or was never programmed. */
  messageChanged(vector: number, message: MsiMessage | undefined): void;
  /** The host wants the function back now (VFIO's request interrupt). May be called more than once. */
  releaseRequested(): void;
  /** The function reported an error it can't go on from (VFIO's error interrupt, a failed reset). */
  failed(reason: string): void;
}

/** One PCI function that can be lent to a VM. Synchronous: each call is bounded work on the control path. */
export interface PciFunction {
  /** For messages: `0000:01:00.0`, or a software function's own name. */
  readonly name: string;
  readonly identity: FunctionIdentity;
  readonly bars: readonly BarShape[];
  /** The host's NUMA node, if it has one. */
  readonly numaNode: number | undefined;
  /** How many vectors the guest can have of each kind; 0 = the capability isn't shown. */
  readonly vectors: { readonly msi: number; readonly msix: number };

  /** Takes the function for `borrower`: resets it and shows a configuration space as after a reset. */
  attach(borrower: FunctionBorrower): void;
  /** Stops DMA and interrupts, resets the function and forgets the borrower. Idempotent. */
  detach(): void;
  /** Lets go of everything the process holds of the function (descriptors, mappings). Idempotent; implies detach. */
  close(): void;
  /** As the guest asks for it on leaving D0 or releasing resources: decoding off, no message programmed, BARs zero. */
  quiesce(): void;

  /**
   * The guest's view of the 4096-byte configuration space. `configImageAddress` is page-aligned host memory that always
   * holds what a read returns, so a borrower may map it read-only and take no exit for reads.
   */
  readonly configImageAddress: bigint;
  /** `offset` within 0…4095, `sizeBytes` 1, 2 or 4, not crossing a dword. Anything else reads all ones. */
  readConfig(offset: number, sizeBytes: number): number;
  writeConfig(offset: number, sizeBytes: number, value: number): void;

  /** The parts of one BAR in ascending order, covering it wholly. */
  barRegions(barIndex: number): readonly BarRegion[];
  /** Those of a BAR that there are now. */
  doorbells(barIndex: number): readonly BarDoorbell[];
  /** For trapped parts; `sizeBytes` 1, 2, 4 or 8. */
  readBar(barIndex: number, offset: number, sizeBytes: number): bigint;
  writeBar(barIndex: number, offset: number, sizeBytes: number, value: bigint): void;

  /**
   * Connects vector `vector` to an eventfd that the function signals by itself from now on; undefined disconnects it.
   * Callers connect a vector when it first gets a message and may leave it connected while it is masked.
   */
  connectVector(vector: number, eventFd: number | undefined): void;

  /** Makes guest memory reachable by the function's DMA at IOVA = GPA. All regions at once, once per attach. */
  attachMemory(regions: readonly DmaRegion[]): void;
  detachMemory(): void;
}
